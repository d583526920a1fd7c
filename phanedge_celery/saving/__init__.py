"""Keeping a job's file, and reading frames from where files are kept."""

from __future__ import annotations

from .frames import posted
from .save import fresh, save

__all__ = ["fresh", "posted", "save"]
