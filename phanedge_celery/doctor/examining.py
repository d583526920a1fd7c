"""The doctor's word on an app: for Django's checks, and for a worker's log."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable

from celery import Celery

from .checking import check
from .finding import Finding
from .looking import snapshot_of

log = logging.getLogger("phanedge_celery.doctor")


def findings(app: Celery, *, pool: str | None = None) -> list[Finding]:
    """Return the hazards in the configuration of *app*, errors and warnings by code.

    Asks nothing outside this process and takes milliseconds. *pool* is that of a
    running worker, None the one in the settings.
    """
    return check(snapshot_of(app, pool=pool))


def report_start(app: Celery, pool: str) -> None:
    """Log one line about a worker that has just started."""
    hazards = findings(app, pool=pool)
    if hazards:
        log.warning("phanedge.doctor: %s", summary(hazards))
    else:
        log.info("phanedge.doctor: nothing found")


def summary(hazards: Iterable[Finding]) -> str:
    """Return how many of each severity there are, and which."""
    hazards = list(hazards)
    counted = Counter(each.severity for each in hazards)
    numbers = ", ".join(
        f"{count} {severity}{'s' if count > 1 else ''}"
        for severity, count in sorted(counted.items())
    )
    codes = " ".join(dict.fromkeys(each.code for each in hazards))
    return f"{numbers} ({codes}); `celery -A … phanedge doctor` says what to do"
