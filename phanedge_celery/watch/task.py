"""The task of the watch."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final

from celery import Celery, Task, shared_task

from .. import schedule
from ..events import say
from ..messages import resend
from ..settings import settings_for
from ..tickets import Stage, Ticket, TicketStore, TicketStoreUnavailable, store_for
from .slices import Turn, go_on, poll

WATCH: Final = "phanedge.watch"


@shared_task(
    name=WATCH,
    bind=True,
    ignore_result=True,
    acks_late=False,
    soft_time_limit=60,
    time_limit=660,
)
def watch(self: Task[Any, Any], turn: dict[str, Any] | None = None) -> None:
    """Re-send what is overdue; with ``phanedge_watch_polls``, ask for what is due.

    *turn* is what the slice before hands on to the next (`Turn`).
    """
    store = store_for(self.app)
    polls = settings_for(self.app).watch_polls
    if turn is None:
        _resend(self.app, store, but=Stage.POLLING if polls else None)
        _forget(self.app, store, owner=str(self.request.id))
    if polls:
        now = Turn(**turn) if turn else Turn(owner=str(self.request.id))
        following = poll(self.app, store, now)
        if following is not None:
            go_on(self, following)


def _resend(app: Celery, store: TicketStore, but: Stage | None) -> None:
    """Re-send what is overdue, oldest first, and never advance it.

    A new version would kill a message that is only waiting in a long queue.
    """
    pace = schedule.WATCH
    wanted: dict[str, Any] = {"but": but} if but else {}
    try:
        overdue = store.overdue(time.time() - pace.grace, pace.most, **wanted)
        if overdue:
            _send_again(app, store, overdue)
    except TicketStoreUnavailable as error:
        say("watch_unsent", WATCH, error)


def _send_again(app: Celery, store: TicketStore, overdue: Sequence[Ticket]) -> None:
    # A new connection: what was lost may have gone into a kept one that is dead.
    with app.connection_for_write() as connection:
        for ticket in overdue:
            if not resend(app, store, ticket, connection=connection):
                break


def _forget(app: Celery, store: TicketStore, owner: str) -> None:
    """Forget, once an hour, the tickets that are remembered no longer."""
    try:
        if store.lease(_FORGET, owner, 3600):
            store.purge(time.time() - settings_for(app).remember)
    except TicketStoreUnavailable as error:
        say("watch_unsent", WATCH, error)


_FORGET: Final = "phanedge.forget"
