"""Going on with many jobs, at a pace that hurts nobody."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from celery import Celery
from celery.app import app_or_default

from ..errors import JobNotFound
from ..settings import settings_for
from ..tickets import store_for
from .look import jobs
from .resume import resume_video, way_to_resume

PER_SECOND = 5.0
"""Each resumed job asks the vendor at once, and they share one account's limit."""


def resume_videos(
    *,
    overdue: bool = False,
    error: str | None = None,
    since: float | None = None,
    dry_run: bool = False,
    per_second: float = PER_SECOND,
    app: Celery | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[dict[str, Any]]:
    """Resume all jobs that are overdue, or that failed with *error*; yield each.

    What is yielded is ``{"id", "job_id", "stage", "error", "resumed",
    "canvas_told"}``: stage and type of error as they were, the rest as in
    `resume_video`. At most *per_second* are resumed in a second; *dry_run* says what
    would be done. *since* is a Unix time: older jobs are left out.

    Raises `ValueError` when neither is named, `tickets.TicketStoreUnavailable`.
    """
    if not (overdue or error):
        raise ValueError("name an error, or say overdue=True")
    app = app_or_default(app)
    act = _foretell if dry_run else _resume
    # All are found first: what is resumed moves in the listing.
    found = list(jobs(overdue=overdue, error=error, since=since, app=app))
    for shown in found:
        done = act(app, shown["id"])
        error_was = (shown["error"] or {}).get("type")
        was = {name: shown[name] for name in ("id", "job_id", "stage")}
        yield {**was, "error": error_was, **done}
        if done["resumed"] and not dry_run:
            sleep(1 / per_second)


def _resume(app: Celery, id: str) -> dict[str, Any]:
    try:
        return resume_video(id, app=app)
    except JobNotFound:
        return {"resumed": None, "canvas_told": False}


def _foretell(app: Celery, id: str) -> dict[str, Any]:
    ticket = store_for(app).read(id)
    watched = settings_for(app).watch_polls
    way = way_to_resume(ticket, time.time(), watched=watched) if ticket else None
    return {"resumed": way, "canvas_told": way == "reopened"}
