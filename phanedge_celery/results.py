"""What the world sees of a job: its ticket, written into Celery's result backend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from celery import Celery, states
from celery.exceptions import TaskRevokedError

from . import schedule
from .errors import PhanEdgeError, error_fields, error_from
from .events import say
from .tickets import Stage, Ticket, TicketStore, TicketStoreUnavailable

PROGRESS = "PROGRESS"
STATES = {
    Stage.DONE: states.SUCCESS,
    Stage.FAILED: states.FAILURE,
    Stage.CANCELLED: states.REVOKED,
}
"""Celery's state for each stage; all others are PROGRESS."""


def meta(ticket: Ticket, **more: Any) -> dict[str, Any]:
    """Return what `AsyncResult.info` shows while the job runs."""
    return {
        "stage": str(ticket.stage),
        "job_id": ticket.job_id,
        "status": ticket.status,
        "since": ticket.since,
        **more,
    }


def outcome(ticket: Ticket, **more: Any) -> Any:
    """Return what the backend stores for this ticket: a dict, or an exception."""
    if ticket.stage is Stage.DONE:
        return ticket.video
    if ticket.stage is Stage.FAILED and ticket.error:
        return error_from(ticket.error)
    if ticket.stage is Stage.CANCELLED:
        return TaskRevokedError("cancelled")
    return meta(ticket, **more)


def progress(
    ticket: Ticket,
    state: str,
    now: float,
    seen: Mapping[str, Any] | None = None,
    *,
    watched: bool = False,
    took: Sequence[float] = (),
) -> dict[str, Any]:
    """Return the one shape in which a job is shown, JSON-ready, at the time *now*.

    *seen* is what the result backend holds: the video with its URL, or the bytes
    saved so far. *watched* is ``phanedge_watch_polls``. *took* is how long the last
    jobs of its kind ran.
    """
    seen = seen or {}
    end = ticket.ended_at or now
    running = not ticket.stage.ended
    error = ticket.error
    return {
        "id": ticket.id,
        "state": state,
        "stage": str(ticket.stage),
        "job_id": ticket.job_id,
        "platform_id": ticket.platform_id,
        "status": ticket.status,
        "polls": ticket.polls,
        "elapsed": round(max(end - ticket.since, 0), 1),
        "next_poll_at": iso(ticket.next_at) if running else None,
        "deadline": iso(ticket.deadline),
        "overdue": is_overdue(ticket, now, watched=watched),
        "bytes_done": seen.get("bytes_done"),
        "bytes_total": seen.get("bytes_total"),
        "expected_seconds": schedule.expected_seconds(
            ticket.model, ticket.resolution, took
        ),
        "expected_at_most": schedule.expected_at_most(took),
        "video": _video(ticket, seen),
        "error": {name: error[name] for name in _SHOWN} if error else None,
    }


_SHOWN = ("type", "message", "code", "job_id", "resumable")


def _video(ticket: Ticket, seen: Mapping[str, Any]) -> Mapping[str, Any] | None:
    if ticket.stage is not Stage.DONE:
        return None
    return seen if "file_id" in seen else ticket.video


def unknown(id: str, state: str, result: Any) -> dict[str, Any]:
    """Return the same shape for an id that has no ticket."""
    shown = progress(Ticket(id=id, since=0), state, 0)
    shown |= {"stage": None, "elapsed": None, "expected_seconds": None}
    if state == states.SUCCESS and isinstance(result, Mapping):
        shown |= {"video": result, "job_id": result.get("job_id")}
    if isinstance(result, PhanEdgeError):
        shown["error"] = {name: error_fields(result)[name] for name in _SHOWN}
    return shown


def is_overdue(ticket: Ticket, now: float, *, watched: bool = False) -> bool:
    """Has the ticket waited too long? *watched*: the watch asks for what polls."""
    if watched and ticket.stage == Stage.POLLING:
        return False
    return ticket.next_at is not None and ticket.next_at + schedule.WATCH.grace < now


def iso(at: float | None) -> str | None:
    """Return a time as all of ours are shown: ISO 8601, UTC, in seconds."""
    if at is None:
        return None
    return datetime.fromtimestamp(at, timezone.utc).isoformat(timespec="seconds")


def moment(text: Any) -> float | None:
    """Return a time in ISO 8601 as Unix seconds, None for what is no text."""
    if not isinstance(text, str):
        return None
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def stored(app: Celery, id: str) -> tuple[str, Any]:
    """Return state and result as the result backend has them.

    Not by an `AsyncResult`: the end of one stops whoever waits for another one of
    the same id in this process.
    """
    if app.conf.task_always_eager:
        return states.PENDING, None
    meta = app.backend.get_task_meta(id)
    return meta["status"], meta["result"]


def show(
    app: Celery,
    store: TicketStore,
    ticket: Ticket,
    request: Any = None,
    **more: Any,
) -> Ticket | None:
    """Write the ticket's state into the result backend, with *more* while it runs.

    Returns the ticket as it is then, None when the backend did not take it.

    Another process may end the job between our look and this write, and PROGRESS
    would then stand over its outcome for ever. So whoever wrote it looks once more.
    """
    try:
        _write(app, ticket, request, **more)
    except Exception as error:  # noqa: BLE001 - each backend has its own library's
        say("progress_unwritten", ticket, type(error).__name__)
        return None
    try:
        now = store.read(ticket.id)
    except TicketStoreUnavailable as error:
        say("store_away", ticket, error)
        return ticket
    if now is not None and now.stage.ended and not ticket.stage.ended:
        keep(app, store, now, request)
    return now or ticket


def keep(app: Celery, store: TicketStore, ticket: Ticket, request: Any = None) -> None:
    """Store an outcome again, if somebody has written PROGRESS over it meanwhile.

    Whoever has reopened the job was right to, so the ticket is read once more.
    """
    try:
        if stored(app, ticket.id)[0] == STATES[ticket.stage]:
            return
        if not _is_reopened(store.read(ticket.id), ticket):
            _write(app, ticket, request)
        now = store.read(ticket.id)
        if now is not None and _is_reopened(now, ticket):
            _write(app, now, request)
    except Exception as error:  # noqa: BLE001 - each backend has its own library's
        say("progress_unwritten", ticket, type(error).__name__)


def _is_reopened(now: Ticket | None, ended: Ticket) -> bool:
    return now is not None and now.version > ended.version and not now.stage.ended


def _write(app: Celery, ticket: Ticket, request: Any, **more: Any) -> None:
    state = STATES.get(ticket.stage, PROGRESS)
    told = outcome(ticket, **more)
    app.backend.store_result(ticket.id, told, state, request=request)
