"""The history of the tables."""

from __future__ import annotations
