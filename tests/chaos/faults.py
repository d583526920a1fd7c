"""Every fault: when its blows fall, and what they excuse."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Final

from tests.chaos.audit import Wrong


@dataclass(frozen=True)
class Blow:
    """One deed at one moment, undone after *lasting* seconds if that is above 0."""

    at: float
    deed: str
    lasting: float = 0


@dataclass(frozen=True)
class Span:
    """Seconds of a run until the last order is placed, and until it should end."""

    sent: float
    ended: float

    @property
    def middle(self) -> float:
        return 0.4 * self.sent


Falls = Callable[[Random, Span], Iterator[Blow]]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """When a fault's blows fall, and which findings are no fault of ours under it."""

    blows: Falls
    excuses: frozenset[Wrong] = frozenset()
    excuses_on_redis: frozenset[Wrong] = frozenset()
    """Redis keeps nothing over a restart here."""
    alone: bool = False
    """Is it a state of the whole run, which combines with nothing?"""


def every(seconds: float, deed: str, lasting: float = 0) -> Falls:
    """A blow each so many seconds, from the first order to the last render."""

    def falls(_: Random, span: Span) -> Iterator[Blow]:
        count = max(int(span.ended / seconds), 1)
        yield from (Blow(seconds * (n + 1), deed, lasting) for n in range(count))

    return falls


def once(deed: str, lasting: float = 0) -> Falls:
    """One blow, while orders are placed."""

    def falls(dice: Random, span: Span) -> Iterator[Blow]:
        yield Blow(span.middle * dice.uniform(0.8, 1.2), deed, lasting)

    return falls


def times(count: int, deed: str, lasting: float = 0) -> Falls:
    """So many blows, spread over the time in which orders are placed."""

    def falls(_: Random, span: Span) -> Iterator[Blow]:
        step = span.sent / count
        yield from (Blow(step * (n + 0.5), deed, lasting) for n in range(count))

    return falls


def always(deed: str) -> Falls:
    """From the start on, for the whole run."""

    def falls(_: Random, __: Span) -> Iterator[Blow]:
        yield Blow(0, deed)

    return falls


def half_open(dice: Random, span: Span) -> Iterator[Blow]:
    """Celery's consumers do not notice within minutes: somebody restarts them."""
    [blow] = once("half_open")(dice, span)
    yield blow
    yield Blow(blow.at + PROBED, "kill_all_workers")


PROBED: Final = 60.0
"""Seconds until somebody has restarted a worker that does nothing."""

AGAIN: Final = frozenset({Wrong.HEARD_AGAIN})
"""Callbacks run more than once only if a worker dies, or broker or results go away."""
LOST_MESSAGES: Final = frozenset(
    {Wrong.UNHEARD, Wrong.HUNG, Wrong.NEVER_BEGAN, Wrong.HEARD_AGAIN}
)
"""The messages of the site's own tasks, and canvases whose first step never came."""
RESUMED: Final = frozenset({Wrong.FAILED, Wrong.UNHEARD})
"""It fails resumably, and is resumed by the run once the fault is over; its callbacks
have been told of the failure."""
OUTAGE: Final = 30.0

FAULTS: Final[dict[str, Fault]] = {
    "kill-children": Fault(blows=every(3, "kill_child"), excuses=AGAIN),
    "kill-workers": Fault(blows=every(30, "kill_worker"), excuses=AGAIN),
    "stop-workers": Fault(blows=every(20, "term_worker")),
    "quit-workers": Fault(blows=every(20, "quit_worker"), excuses=AGAIN),
    "freeze-children": Fault(blows=every(6, "freeze_child", 20)),
    "broker-stopped": Fault(
        blows=once("stop_broker", OUTAGE),
        excuses=AGAIN,
        excuses_on_redis=LOST_MESSAGES,
    ),
    "broker-flushed": Fault(blows=once("flush_broker"), excuses=LOST_MESSAGES),
    "broker-restarted": Fault(
        blows=once("restart_broker"), excuses=AGAIN, excuses_on_redis=LOST_MESSAGES
    ),
    "results-away": Fault(blows=once("results_away", OUTAGE), excuses=AGAIN),
    "tickets-away": Fault(blows=once("tickets_away", OUTAGE), excuses=AGAIN),
    "connections-cut": Fault(blows=times(4, "cut"), excuses=AGAIN),
    "connections-paused": Fault(blows=times(2, "pause", 10), excuses=AGAIN),
    "connections-half-open": Fault(blows=half_open, excuses=AGAIN),
    "clock-forward": Fault(blows=once("clock_forward"), excuses=RESUMED),
    "clock-back": Fault(blows=once("clock_back")),
    "upstream-down": Fault(blows=once("upstream_down", 120)),
    "upstream-slow": Fault(blows=once("upstream_slow", 60)),
    "upstream-429": Fault(blows=once("upstream_429", 60)),
    "messages-doubled": Fault(blows=always("double"), alone=True),
    "key-changed": Fault(blows=once("change_key", 20), excuses=RESUMED),
    "two-formats": Fault(blows=always("newer_worker"), alone=True),
}


def excused(names: tuple[str, ...], broker: str) -> frozenset[Wrong]:
    """Return what no run with these faults is to blame for."""
    found = frozenset[Wrong]()
    for name in names:
        found |= FAULTS[name].excuses
        if broker == "redis":
            found |= FAULTS[name].excuses_on_redis
    return found
