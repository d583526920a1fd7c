"""Hazards in an app's configuration, and in what it runs on, as findings."""

from __future__ import annotations

from .examining import findings, report_start
from .finding import TABLE, Finding, Severity
from .looking import snapshot_of
from .online import examine
from .snapshot import Snapshot

__all__ = [
    "TABLE",
    "Finding",
    "Severity",
    "Snapshot",
    "examine",
    "findings",
    "report_start",
    "snapshot_of",
]
