"""What the log says of a job: one line an event, under names that do not change."""

from __future__ import annotations

import logging
from typing import Any

from .errors import error_from
from .tickets import Ticket

log = logging.getLogger("phanedge_celery")

EVENTS = {
    "submitted": (logging.INFO, "the vendor has accepted the job"),
    "changed": (logging.INFO, "the job's stage or status has changed"),
    "done": (logging.INFO, "the result is stored"),
    "failed": (logging.INFO, "the error is stored"),
    "cancelled": (logging.INFO, "the job is followed no more"),
    "adopted": (logging.WARNING, "a job was found for a submission without an answer"),
    "unwanted": (logging.WARNING, "a job was accepted that nobody waits for any more"),
    "waiting_out": (logging.WARNING, "something went wrong that can pass"),
    "resent": (logging.WARNING, "the job was overdue; its message is sent again"),
    "hastened": (logging.INFO, "the vendor hints at an end; the job is asked for now"),
    "reopened": (logging.INFO, "a failure that can be resumed goes on"),
    "clock_back": (logging.WARNING, "the clock was set back; no wait grows by it"),
    "watch_unsent": (logging.WARNING, "nobody watches while broker or store is away"),
    "polls_wait": (logging.WARNING, "the ticket store is away; jobs are asked later"),
    "unsent": (logging.WARNING, "the broker is away; the watch will send the message"),
    "store_away": (logging.WARNING, "the ticket store is away; the message goes round"),
    "ticket_lost": (logging.WARNING, "the ticket was gone and has been made again"),
    "progress_unwritten": (logging.WARNING, "the result backend is away"),
    "outcome_waits": (logging.WARNING, "the outcome cannot be told just now"),
    "unclosed": (logging.WARNING, "the outcome is told, but not yet in the ticket"),
    "soft_time_limit": (logging.WARNING, "a step took too long; the watch goes on"),
    "newer_format": (logging.ERROR, "written by a newer version; left alone"),
    "bug": (logging.ERROR, "a mistake of ours; the job goes on"),
}
"""Event -> level, meaning. In the log an event is called ``phanedge.<event>``."""


def say(event: str, about: Ticket | str, why: Any = None, **fields: Any) -> None:
    """Log *event* about a ticket, or about an id where there is none."""
    level, meaning = EVENTS[event]
    if not log.isEnabledFor(level):
        return
    known: dict[str, Any] = {"event": event}
    if isinstance(about, Ticket):
        known |= {
            "id": about.id,
            "job_id": about.job_id,
            "stage": str(about.stage),
            "status": about.status,
            "error": about.error
            and f"{about.error['type']}: {error_from(about.error)}",
        }
    else:
        known["id"] = about
    if why is not None:
        known["why"] = str(why)
    known |= fields
    shown = " ".join(
        f"{k}={v}" for k, v in known.items() if v is not None and k != "event"
    )
    log.log(
        level,
        "phanedge.%s %s (%s)",
        event,
        shown,
        meaning,
        exc_info=event == "bug",
        extra={f"phanedge.{name}": value for name, value in known.items()},
    )
