"""How a job ends: its outcome is told to Celery first, then its ticket is closed."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any, Final

from celery import Celery, Task, states
from celery.app.task import Context
from celery.exceptions import TaskRevokedError
from celery.signals import task_failure, task_success

from . import experience, messages, results, signals
from .errors import PhanEdgeError, SubmissionUnknown
from .events import log, say
from .tickets import (
    Stage,
    Ticket,
    TicketMissing,
    TicketStore,
    TicketStoreUnavailable,
    store_for,
)


def look(app: Celery, id: str, request: Context) -> str | None:
    """Return the state that the world sees; None if it cannot be told a new one now.

    For that the result backend and, for callbacks, the broker have to be there.
    """
    try:
        state = str(app.backend.get_task_meta(id)["status"])
        if request.callbacks or request.errbacks or request.chain or request.chord:
            with app.connection_for_write(connect_timeout=2) as connection:
                connection.ensure_connection(max_retries=1)
    except Exception as error:  # noqa: BLE001 - each backend has its own library's
        say("outcome_waits", id, type(error).__name__)
        return None
    return state


def is_told(state: str, ticket: Ticket, request: Context) -> bool:
    """Has all the world been told this outcome, by a process that then died?

    Celery sends callbacks and chain before it stores a success. A chord it counts
    after that, and of a failure it tells last, so there a success proves nothing.
    """
    return state == states.SUCCESS and ticket.error is None and not request.chord


def revoke(app: Celery, id: str, request: Context) -> bool:
    """Let Celery tell a cancelled job's canvas, so that nothing in it hangs."""
    try:
        app.backend.mark_as_failure(
            id,
            TaskRevokedError("cancelled"),
            request=request,
            state=states.REVOKED,
        )
    except Exception as error:  # noqa: BLE001 - each backend has its own library's
        say("outcome_waits", id, type(error).__name__)
        return False
    return True


def show_revoked(task: Task[Any, Any]) -> None:
    """Tell those who listen to events, as a worker does of a task that it revokes."""
    fields: dict[str, Any] = {"terminated": False, "signum": None, "expired": False}
    try:
        task.send_event("task-revoked", retry=False, **fields)
    except Exception as error:  # noqa: BLE001 - each broker has its own library's
        log.debug("phanedge.event_unsent %s", type(error).__name__)


def close(task: Task[Any, Any], store: TicketStore, ticket: Ticket) -> None:
    """End the ticket of an outcome that the world has been told.

    The download URL goes: it lives in the result, for the app, and nowhere else
    (an eager job has no other place). A failure that can be resumed keeps its
    message, but not the canvas that it failed. The outcome is written again, since a
    ticket that was lost and made again meanwhile may have this version, too.
    """
    changes: dict[str, Any] = {"error": ticket.error, "video": ticket.video}
    changes |= {"message": None, "next_at": None}
    if ticket.message and _may_go_on(ticket):
        changes["message"] = messages.without_canvas(ticket.message)
    if ticket.video and not task.request.is_eager:
        changes["video"] = {**ticket.video, "download_url": None}
    stage = Stage.FAILED if ticket.error else Stage.DONE
    closed = advance(store, ticket, stage=stage, ended_at=time.time(), **changes)
    if closed is None:
        return
    experience.note(store, closed)
    say(str(stage), closed, (ticket.error or {}).get("type"))
    if not task.request.is_eager:
        told = replace(closed, video=ticket.video)
        results.keep(task.app, store, told, task.request)
    # Those who listen may want to know how the job was asked for.
    about = {"sender": task, "id": ticket.id}
    about |= {"ticket": replace(closed, message=ticket.message)}
    if ticket.error:
        signals.video_failed.send(error=ticket.error, **about)
    else:
        signals.video_succeeded.send(video=ticket.video, **about)


def advance(store: TicketStore, ticket: Ticket, **changes: Any) -> Ticket | None:
    """Advance *ticket*; one that the store has lost is made again first."""
    try:
        return store.advance(ticket.id, ticket.version, **changes)
    except TicketMissing:
        say("ticket_lost", ticket)
        store.create(ticket)
        return store.advance(ticket.id, ticket.version, **changes)


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


def remember(request: Context, ticket: Ticket) -> None:
    """Note the outcome that Celery is about to tell: its ticket is closed then."""
    setattr(request, _OUTCOME, ticket)


def _close_told(task: Task[Any, Any]) -> None:
    ticket: Ticket | None = getattr(task.request, _OUTCOME, None)
    if ticket is None:
        return
    try:
        close(task, store_for(task.app), ticket)
    except TicketStoreUnavailable as error:
        say("unclosed", ticket, error)


_OUTCOME: Final = "phanedge_outcome"
