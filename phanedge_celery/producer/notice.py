"""What the vendor's notice does: it hastens a job, or finds one that was lost."""

from __future__ import annotations

import math
import time
from typing import Any, Final
from uuid import uuid4

from celery import Celery, Task, shared_task
from celery.app import app_or_default
from kombu.exceptions import OperationalError

from .. import callback, endings, messages
from ..answers import Trouble
from ..callback import Hint
from ..errors import PhanEdgeError
from ..events import say
from ..models import job_id_of
from ..moves import POLL
from ..polling import SAFETY_NET
from ..schedule import WATCH, PollSchedule
from ..settings import settings_for
from ..tickets import Stage, Ticket, TicketMissing, TicketStore, store_for
from .look import is_id
from .resume import reopen
from .sending import QUICKLY, send_now

CONFIRM: Final = "phanedge.confirm_job"

SPARE: Final = 5
"""Queries that notices may add to what the schedule would have asked by itself."""

PAUSE: Final = 10
"""Seconds that a submission gets to end by itself; also between two confirmations."""


def take_notice(id: str, hint: Hint, app: Celery | None = None) -> None:
    """Do what a notice about the job of the Celery id *id* is good for.

    One that tells of an end makes a waiting job due now. The first one that tells of
    less shows that calls arrive: from then on polls are but a safety net. One about
    a submission without an answer has a worker ask whether that job exists, and adopt
    it. Duplicates, late ones and floods do nothing: what notices may cost is counted
    in the ticket. Whoever calls this has checked the signature.
    Raises `tickets.TicketStoreUnavailable`.
    """
    app = app_or_default(app)
    store = store_for(app)
    ticket = store.read(id) if is_id(id) else None
    if ticket is None:
        return
    if endings.awaits_a_job(ticket):
        _have_confirmed(app, store, ticket, hint)
    elif hint.status is not None and _names(ticket, hint):
        (_hasten if hint.terminal else _put_off)(app, store, ticket)


def may_hasten(ticket: Ticket, schedule: PollSchedule, now: float) -> bool:
    """Is this job waiting for a poll, and may one more be asked than is planned?

    One for each version, so that copies of a notice have one effect (two that come
    at the same instant may each have it); and `SPARE` for a job over all, so that a
    flood of them has little.
    """
    if ticket.stage is not Stage.POLLING or ticket.resends or not ticket.next_at:
        return False
    age = now - (ticket.submitted_at or ticket.since)
    planned = max(age, 0) // max(schedule.every, 1)
    return ticket.next_at > now and ticket.polls < planned + SPARE


def _hasten(app: Celery, store: TicketStore, ticket: Ticket) -> None:
    """Send the message of a waiting job now; the one under way will be stale.

    Where the watch asks for what is due, it leaves the answer to that message.
    """
    now, settings = time.time(), settings_for(app)
    if not may_hasten(ticket, settings.schedule, now):
        return
    due = now + WATCH.grace if settings.watch_polls else now
    if callback.calls_arrive(ticket.message):
        hastened = _noted(store, ticket, due, arrive=False)
    else:
        touched = store.touch(ticket.id, ticket.version, due)
        hastened = ticket if touched else None
    if hastened is not None:
        say("hastened", hastened)
        send_now(app, hastened)


def _put_off(app: Celery, store: TicketStore, ticket: Ticket) -> None:
    """Let a job wait for the vendor's next call, with a poll a minute in case."""
    if ticket.stage is not Stage.POLLING or ticket.message is None:
        return
    now = time.time()
    if callback.calls_arrive(ticket.message) or (ticket.next_at or 0) <= now:
        return
    due = min(now + SAFETY_NET, ticket.deadline or math.inf)
    waiting = _noted(store, ticket, due, arrive=True)
    if waiting is not None and not settings_for(app).watch_polls:
        send_now(app, waiting, due)


def _noted(
    store: TicketStore, ticket: Ticket, due: float, *, arrive: bool
) -> Ticket | None:
    """Note whether calls arrive; the message under way will be stale."""
    message = callback.with_calls(ticket.message or {}, arrive=arrive)
    try:
        return store.advance(
            ticket.id,
            ticket.version,
            stage=Stage.POLLING,
            message=message,
            next_at=due,
        )
    except TicketMissing:
        return None


def _names(ticket: Ticket, hint: Hint) -> bool:
    """Is this our job? One that we know by a gateway's id is told by another one."""
    known = (ticket.job_id, ticket.platform_id)
    return hint.job_id in known or not (ticket.job_id or "").isdigit()


def _have_confirmed(
    app: Celery, store: TicketStore, ticket: Ticket, hint: Hint
) -> None:
    """Send a worker to ask for the job: a web process has no API key."""
    if ticket.message is None:
        return
    failed = ticket.stage is Stage.FAILED
    if not (failed or hint.terminal) or not _may_ask(store, ticket.id):
        return
    try:
        app.tasks[CONFIRM].apply_async(
            (ticket.id, hint.job_id),
            countdown=0 if failed else PAUSE,
            queue=ticket.message["options"].get("queue"),
            retry_policy=QUICKLY,
        )
    except (OperationalError, OSError) as error:
        say("unsent", ticket, type(error).__name__)


def _may_ask(store: TicketStore, id: str) -> bool:
    """Let one notice in ten seconds pass; a touch would bring an end back to life."""
    return store.lease(f"{CONFIRM}/{id}", str(uuid4()), PAUSE) is not None


@shared_task(
    name=CONFIRM,
    bind=True,
    ignore_result=True,
    throws=(PhanEdgeError,),
    soft_time_limit=120,
    time_limit=720,
)
def confirm_job(self: Task[Any, Any], id: str, job_id: str) -> None:
    """Adopt the job *job_id* for a submission without an answer, if it exists.

    One query; whatever but a report it brings changes nothing (contract, table 3.2).
    """
    store = store_for(self.app)
    ticket = store.read(id)
    if ticket is None or not ticket.message or not _may_adopt(ticket):
        return
    from ..client import client_for

    job = job_id_of(job_id)
    if isinstance(client_for(settings_for(self.app)).query(job), Trouble):
        return
    message = messages.handed_over(ticket.message, POLL, (job,), {})
    now = time.time()
    adopted = reopen(
        self.app, store, ticket, job_id=job, message=message, submitted_at=now
    )
    if adopted is not None:
        say("adopted", adopted)


def _may_adopt(ticket: Ticket) -> bool:
    """While the end of a submission is being told, it is too late or too early."""
    return ticket.stage is not Stage.ENDING and endings.awaits_a_job(ticket)
