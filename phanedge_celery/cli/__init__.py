"""`celery -A proj phanedge …`: the commands for the one on call."""

from __future__ import annotations

from .group import phanedge

__all__ = ["phanedge"]
