"""How a job ends: its outcome is told to Celery first, then its ticket is closed."""

from __future__ import annotations

import time
from typing import Any

from celery import Celery, Task, states
from celery.app.task import Context
from celery.exceptions import TaskRevokedError
from celery.signals import task_failure, task_success

from . import messages, signals
from .errors import PhanEdgeError, SubmissionUnknown
from .events import say
from .tickets import Stage, Ticket, TicketStore, TicketStoreUnavailable, store_for


def can_tell(app: Celery, id: str, request: Context) -> bool:
    """Are the result backend and, for callbacks, the broker there right now?"""
    try:
        app.backend.get_task_meta(id)
        if request.callbacks or request.errbacks or request.chain or request.chord:
            with app.connection_for_write(connect_timeout=2) as connection:
                connection.ensure_connection(max_retries=1)
    except Exception as error:  # noqa: BLE001 - each backend has its own library's
        say("outcome_waits", id, type(error).__name__)
        return False
    return True


def revoke(app: Celery, id: str, request: Context) -> None:
    """Let Celery tell a cancelled job's canvas, so that nothing in it hangs."""
    app.backend.mark_as_failure(
        id,
        TaskRevokedError("cancelled"),
        request=request,
        state=states.REVOKED,
    )


def close(task: Task[Any, Any], store: TicketStore, ticket: Ticket) -> None:
    """End the ticket of an outcome that the world has been told.

    The download URL goes: it lives in the result, for the app, and nowhere else
    (an eager job has no other place). A
    failure that can be resumed keeps its message, but not the canvas that it failed.
    """
    changes: dict[str, Any] = {"message": None, "next_at": None}
    if ticket.message and _may_go_on(ticket):
        changes["message"] = messages.without_canvas(ticket.message)
    if ticket.video and not task.request.is_eager:
        changes["video"] = {**ticket.video, "download_url": None}
    stage = Stage.FAILED if ticket.error else Stage.DONE
    closed = store.advance(
        ticket.id, ticket.version, stage=stage, ended_at=time.time(), **changes
    )
    if closed is None:
        return
    say(str(stage), closed, (ticket.error or {}).get("type"))
    about = {"sender": task, "id": ticket.id, "ticket": closed}
    if ticket.error:
        signals.video_failed.send(error=ticket.error, **about)
    else:
        signals.video_succeeded.send(video=ticket.video, **about)


def awaits_a_job(ticket: Ticket) -> bool:
    """Was this job submitted without an answer, so that one may still be found?"""
    if ticket.job_id:
        return False
    return ticket.stage is Stage.SUBMITTING or (
        ticket.stage in (Stage.ENDING, Stage.FAILED) and _is_unknown(ticket)
    )


def _may_go_on(ticket: Ticket) -> bool:
    return bool(ticket.error and ticket.error["resumable"]) or _is_unknown(ticket)


def _is_unknown(ticket: Ticket) -> bool:
    error = ticket.error or {}
    return error.get("type") == SubmissionUnknown.__name__


@task_success.connect(weak=False)
def _told_success(sender: Task[Any, Any], **_: Any) -> None:
    _close_told(sender)


@task_failure.connect(weak=False)
def _told_failure(sender: Task[Any, Any], exception: Exception, **_: Any) -> None:
    if isinstance(exception, PhanEdgeError):
        _close_told(sender)


def _close_told(task: Task[Any, Any]) -> None:
    if not task.name.startswith("phanedge.") or task.request.is_eager:
        return
    store, id = store_for(task.app), str(task.request.id)
    try:
        ticket = store.read(id)
        if ticket is not None and ticket.stage is Stage.ENDING:
            close(task, store, ticket)
    except TicketStoreUnavailable as error:
        say("unclosed", id, error)
