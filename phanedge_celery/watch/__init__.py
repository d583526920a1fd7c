"""The watch: re-sends what is overdue, asks for all waiting jobs where told to."""

from __future__ import annotations

from .starter import WatchStarter
from .task import WATCH, watch

__all__ = ["WATCH", "WatchStarter", "watch"]
