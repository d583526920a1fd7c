"""One run of one step: its request, its ticket, the version it speaks for."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn
from uuid import uuid4

from celery import Celery, Task
from celery.exceptions import Ignore

from .. import endings, messages
from ..answers import Trouble
from ..messages import Stamp
from ..moves import Again, End, wait_out
from ..settings import Settings, settings_for
from ..tickets import (
    Stage,
    Ticket,
    TicketMissing,
    TicketStoreUnavailable,
    store_for,
)
from .telling import tell_change

if TYPE_CHECKING:
    from ..client import Client


class Step:
    """One run of one step: its request, its ticket, and the version it speaks for."""

    ticket: Ticket

    def __init__(self, task: Task[Any, Any]) -> None:
        self.task = task
        self.app: Celery = task.app
        self.request = task.request
        self.eager = bool(self.request.is_eager or self.request.called_directly)
        self.id: str = self.request.id or str(uuid4())
        self.settings: Settings = settings_for(self.app)
        self.store = store_for(self.app, eager=self.eager)
        self.stamp = Stamp.of(self.request.headers)
        self.had_ticket = bool(self.stamp and self.stamp.version)
        self.version: int = (self.stamp and self.stamp.version) or 1

    @property
    def client(self) -> Client:
        from ..client import client_for

        return client_for(self.settings)

    @property
    def dice(self) -> float:
        return random.random()  # noqa: S311 - it spreads polls, and guards nothing

    def claim(self, stage: Stage, lease: float, **changes: Any) -> None:
        """Advance before an act that must not happen twice; Ignore if another did."""
        before = self.ticket
        # No other claim has this very moment, so that ours is known by it again.
        until = time.time() + lease + self.dice / 1000
        try:
            self.advance(stage=stage, next_at=until, **changes)
        except TicketStoreUnavailable:
            ticket = self.store.read(self.id)
            if ticket is None or ticket.next_at != until:
                raise
            self.ticket, self.version = ticket, ticket.version
        self.tell_change(before)

    def wait_out(self, trouble: Trouble, **changes: Any) -> Again | End:
        """Wait *trouble* out, or end with it (design, section 7)."""
        now = time.time()
        most = self.ticket.max_wait or self.settings.max_wait
        troubles = self.ticket.errors.values()
        begun = min((trouble["since"] for trouble in troubles), default=now)
        return wait_out(
            self.ticket,
            trouble,
            self.settings.schedule,
            now=now,
            dice=self.dice,
            give_up_at=self.ticket.deadline or begun + most,
            changes=changes,
        )

    def advance(self, **changes: Any) -> None:
        """Advance the ticket; Ignore if another copy of the message was first."""
        ticket = self.try_advance(**changes)
        if ticket is None:
            raise Ignore(f"another copy has advanced {self.id}")
        self.ticket, self.version = ticket, ticket.version

    def try_advance(self, **changes: Any) -> Ticket | None:
        try:
            return self.store.advance(self.id, self.version, **changes)
        except TicketMissing:
            return self._make_again(changes)

    def _make_again(self, changes: dict[str, Any]) -> Ticket | None:
        """Advance a ticket that the store has lost, unless that might post twice."""
        lost = replace(self.ticket, version=self.version)
        if not self._may_be_posted(changes):
            return endings.advance(self.store, lost, **changes)
        lease = time.time() + submit_lease(self.settings)
        taken = {**changes, "stage": Stage.SUBMITTING, "next_at": lease}
        endings.advance(self.store, lost, **taken)
        raise Ignore(f"the ticket of {self.id} was lost; it may have been submitted")

    def _may_be_posted(self, changes: Mapping[str, Any]) -> bool:
        """Is it open what another copy of this message did before the ticket was lost?

        A POST is claimed in the ticket alone; made again as it was, it would allow
        another one.
        """
        job_id = self.ticket.job_id or changes.get("job_id")
        waits = changes["stage"] in (Stage.QUEUED, Stage.SUBMITTING)
        return self.ticket.stage is Stage.QUEUED and waits and job_id is None

    def tell_change(self, before: Ticket) -> None:
        """Publish the ticket when its stage or status is another than *before*."""
        tell_change(
            self.app,
            self.store,
            before,
            self.ticket,
            sender=self.task,
            request=self.request,
            shown=not self.eager,
        )

    def send(self, due: float) -> NoReturn:
        """Send the next message, and leave; a waiting job has none where we watch."""
        if self.settings.watch_polls and self.ticket.stage is Stage.POLLING:
            raise Ignore("the watch asks for it")
        messages.send_next(self.app, self.ticket, due=due)
        raise Ignore("its next message is on its way")


def submit_lease(settings: Settings) -> float:
    """Return how long a POST may stay unanswered, in seconds."""
    connect, read = settings.timeout
    return connect + max(read, 120) + 30
