"""One batch of polls: claimed, asked, and either written or released."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from celery import Celery, Task

from .. import messages, polling, schedule, steps
from ..answers import Trouble
from ..errors import PhanEdgeError
from ..events import say
from ..models import JobReport
from ..moves import POLL, Again
from ..settings import Settings
from ..tickets import Advance, Ticket, TicketStore
from .lanes import lanes_of

if TYPE_CHECKING:
    from ..client import Client

Answer = JobReport | Trouble | None
"""None: what went wrong is for the job's own step to find out and to judge."""


def ask(
    app: Celery,
    client: Client,
    tickets: Sequence[Ticket],
    alive: Callable[[], None],
) -> Sequence[tuple[Ticket, Answer]]:
    """Return the answers that came in time; call *alive* while waiting."""
    pace, task = schedule.WATCH, app.tasks[POLL]
    asked = lanes_of(pace.at_once).begin(tickets, lambda t: _query(client, t, task))
    until = time.time() + pace.patience
    return asked.answers(until, pace.turn_lease / 3, alive)


def _query(client: Client, ticket: Ticket, task: Task[Any, Any]) -> Answer:
    try:
        if ticket.job_id is None:
            return None
        return steps.query(client, ticket, ticket.job_id, sender=task)
    except PhanEdgeError:
        return None
    except Exception as bug:  # noqa: BLE001
        # A mistake of ours must cost neither this lane nor a paid job.
        say("bug", ticket, type(bug).__name__)
        return None


def settle(
    app: Celery,
    store: TicketStore,
    settings: Settings,
    answers: Sequence[tuple[Ticket, Answer]],
) -> int:
    """Write what still runs, release all others; return how many those are."""
    now = time.time()
    waiting: dict[str, Ticket] = {}
    moves: list[Advance] = []
    released: list[Ticket] = []
    for ticket, answer in answers:
        changes = _waits(ticket, answer, settings, now)
        if changes is None:
            released.append(ticket)
        else:
            waiting[ticket.id] = ticket
            moves.append((ticket.id, ticket.version, ticket.stage, changes))
    for advanced in store.advance_many(moves):
        if advanced is not None:
            _tell(app, store, waiting[advanced.id], advanced)
    for ticket in released:
        release(app, store, ticket)
    return len(released)


def _waits(
    ticket: Ticket, answer: Answer, settings: Settings, now: float
) -> dict[str, Any] | None:
    """Return what an answer changes in a ticket that goes on waiting; else None."""
    if answer is None:
        return None
    move = polling.decide(
        ticket,
        answer,
        settings.schedule,
        max_wait=settings.max_wait,
        now=now,
        dice=random.random(),  # noqa: S311 - it spreads polls, and guards nothing
    )
    if not isinstance(move, Again):
        return None
    return {**move.changes, "next_at": now + move.after}


def _tell(app: Celery, store: TicketStore, before: Ticket, now: Ticket) -> None:
    steps.tell_change(app, store, before, now, sender=app.tasks[POLL])


def release(app: Celery, store: TicketStore, ticket: Ticket) -> None:
    """Send the job's own message now, unless it has moved on.

    Like a re-send it is looked at again, should the message be lost, and later
    each time, so that a long queue makes no storm.
    """
    look = time.time() + schedule.WATCH.next_look(ticket.resends)
    if store.touch(ticket.id, ticket.version, look):
        messages.send_next(app, ticket)
