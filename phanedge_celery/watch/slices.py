"""A slice of polling: batch after batch for a second or two, then the next slice."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from celery import Celery, Task

from .. import schedule
from ..errors import ConfigurationError
from ..events import say
from ..settings import Settings, settings_for
from ..tickets import Ticket, TicketStore, TicketStoreUnavailable
from .batch import ask, release, settle
from .rate import Rate

POLLS: Final = "phanedge.polls"
"""The lease of whoever asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What a slice hands on to the next one."""

    owner: str
    """In whose name the lease is held: the id of the watch that began."""
    free_at: float = 0
    """Until when the rate is used up."""
    failures: int = 0
    """How often in a row the store was away."""
    after: float = 0
    """When the next slice is to run, in seconds from now."""


class TakenOver(Exception):
    """Another watch has the lease."""


def poll(app: Celery, store: TicketStore, turn: Turn) -> Turn | None:
    """Ask for what is due; return the next turn, None when this watch is over."""
    one = Slice(app, store, turn)
    try:
        one.run()
        return one.following()
    except TakenOver:
        return None
    except TicketStoreUnavailable as error:
        if not turn.failures:
            say("polls_wait", turn.owner, error)
        failures = turn.failures + 1
        wait = min(2.0**failures, schedule.WATCH.claim)
        return replace(turn, free_at=one.rate.free_at, failures=failures, after=wait)


def go_on(task: Task[Any, Any], turn: Turn) -> None:
    """Send the next slice, if the broker takes it; if not, a worker starts one."""
    options: dict[str, Any] = {"countdown": turn.after} if turn.after else {}
    kwargs = {"turn": asdict(replace(turn, after=0))}
    try:
        task.apply_async(
            (), kwargs, retry=False, ignore_result=True, add_to_parent=False, **options
        )
    except Exception as error:  # noqa: BLE001 - each broker has its own library's
        say("watch_unsent", turn.owner, type(error).__name__)


class Slice:
    """One turn of asking, under the lease."""

    def __init__(self, app: Celery, store: TicketStore, turn: Turn) -> None:
        self.app, self.store, self.turn = app, store, turn
        self.settings: Settings = settings_for(app)
        self.rate = Rate(self.settings.poll_rate, turn.free_at)
        self.until = time.time() + schedule.WATCH.turn
        self._looked_for_late = False

    def run(self) -> None:
        while True:
            self.renew()
            now = time.time()
            many = min(schedule.WATCH.batch, self.rate.allows(now, schedule.WATCH.step))
            if not many:
                self._release_late()
            elif not self._batch(int(many)):
                return
            if not self._pause():
                return

    def renew(self) -> None:
        """Stop before the next batch, once another watch has taken over."""
        lease = schedule.WATCH.turn_lease
        if self.store.lease(POLLS, self.turn.owner, lease) is None:
            raise TakenOver(self.turn.owner)

    def following(self) -> Turn | None:
        """Return the next turn: at once, after a rest, or none while nothing waits.

        A rate that is used up for less than a turn is waited for in the next one: a
        rest after each turn would leave a good part of it unused.
        """
        due = self.store.next_poll()
        if due is None:
            self.store.lease(POLLS, self.turn.owner, 0.001)
            return None
        now, free_at = time.time(), self.rate.free_at
        at_once = due <= now and free_at < now + schedule.WATCH.turn
        after = 0.0 if at_once else schedule.WATCH.rest
        return replace(self.turn, free_at=free_at, failures=0, after=after)

    def _batch(self, many: int) -> int:
        """Claim and ask at most *many* jobs; return how many were due."""
        claimed, now = self._claim(many), time.time()
        waiting = []
        for ticket in claimed:
            if ticket.deadline is not None and ticket.deadline <= now:
                release(self.app, self.store, ticket)
            else:
                waiting.append(ticket)
        if waiting:
            self._spend(len(waiting))
            self._ask(waiting)
        return len(claimed)

    def _ask(self, tickets: list[Ticket]) -> None:
        from ..client import client_for

        try:
            client = client_for(self.settings)
        except ConfigurationError:
            # Each job's step meets the same, and knows how long to bear it.
            answers: Any = [(ticket, None) for ticket in tickets]
        else:
            answers = ask(self.app, client, tickets, self.renew)
        released = settle(self.app, self.store, self.settings, answers)
        self._spend(released)

    def _claim(self, many: int, *, late_only: bool = False) -> list[Ticket]:
        now = time.time()
        until = now + schedule.WATCH.claim
        return self.store.claim_due(now, until, many, late_only=late_only)

    def _release_late(self) -> None:
        """Release what is past its deadline, although the rate is used up."""
        if self._looked_for_late:
            return
        self._looked_for_late = True
        for ticket in self._claim(schedule.WATCH.most, late_only=True):
            release(self.app, self.store, ticket)

    def _spend(self, queries: int) -> None:
        self.rate = self.rate.used(queries, time.time())

    def _pause(self) -> bool:
        """Wait for the rate; say whether this slice goes on."""
        now = time.time()
        wait = max(self.rate.free_at - now, 0)
        if now + wait >= self.until:
            return False
        time.sleep(wait)
        return True
