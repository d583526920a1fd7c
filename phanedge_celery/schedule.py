"""When to ask again: pure numbers, all in seconds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MAX_COUNTDOWN = 60
"""The longest wait in one message; longer ones are several hops without a query."""


@dataclass(frozen=True)
class PollSchedule:
    """How long to wait before the next question about a job.

    A job that we submitted is first asked after ``first`` seconds (see `first_wait`),
    then each ``every``, and each ``slow_every`` once it is ``slow_after`` old. Trouble
    is asked again after ``retry_first``, doubling up to ``retry_max``; a rate limit
    after ``limited_first`` at least.
    """

    first: float = 30
    every: float = 10
    slow_after: float = 600
    slow_every: float = 30
    jitter: float = 0.1
    retry_first: float = 1
    retry_max: float = 60
    limited_first: float = 10
    patience: float = 300

    @property
    def longest(self) -> float:
        """The longest wait of its own; a Retry-After may be longer."""
        waits = (self.first, self.every, self.slow_every)
        troubled = (self.retry_first, self.retry_max, self.limited_first)
        return max(*waits, *troubled) * (1 + self.jitter)

    def wait(self, age: float, dice: float) -> float:
        """Return the wait before the next poll of a job that is *age* old."""
        every = self.every if age < self.slow_after else self.slow_every
        return self._jittered(every, dice)

    def back_off(
        self,
        failures: int,
        dice: float,
        *,
        limited: bool = False,
        retry_after: float | None = None,
    ) -> float:
        """Return the wait after so many troubles in a row; Retry-After at least."""
        first = self.limited_first if limited else self.retry_first
        doubled = first * 2.0 ** min(max(failures - 1, 0), 30)
        wait = self._jittered(
            min(max(doubled, first), max(self.retry_max, first)), dice
        )
        return max(wait, retry_after or 0)

    def _jittered(self, wait: float, dice: float) -> float:
        return wait * (1 + self.jitter * (2 * dice - 1))


def countdown(wait: float) -> float:
    """Return *wait* as one message carries it: an integer from 1 to 60.

    Quorum queues refuse a countdown under one second, and a refused send loses the
    message. Waits below one second are for tests on other brokers.
    """
    if wait < 1:
        return max(wait, 0)
    return min(math.ceil(wait), MAX_COUNTDOWN)


LEARNED_FROM = 20
"""Jobs of a kind that have to be done before anything follows from them."""
REMEMBERED = 50
"""How many of the last ones are looked at."""
EARLY = 0.4
"""Of a typical run: the share within which hardly any job is done."""


def percentile(seconds: Sequence[float], share: float) -> float:
    """Return what so large a share of *seconds*, at least one, does not exceed."""
    return sorted(seconds)[max(math.ceil(share * len(seconds)), 1) - 1]


def may_learn(schedule: PollSchedule) -> bool:
    """Has nobody set a ``first`` of their own?"""
    return schedule.first == PollSchedule.first


def first_wait(
    schedule: PollSchedule, took: Sequence[float], typical: float | None = None
) -> float:
    """Return the wait before the first poll of a job of a kind.

    Such jobs are known to run *typical* seconds, which is said to be so, and the user's
    own last ones *took* so long, which counts for more. Before nearly all of them were
    done, but no later than half of that, should the service become twice as fast, or
    than without their example. A ``first`` that somebody has set is kept.
    """
    if not may_learn(schedule):
        return schedule.first
    usual = max(schedule.first, EARLY * (typical or 0))
    if len(took) < LEARNED_FROM:
        return usual
    soon = percentile(took, 0.05)
    wait = min(0.9 * soon, max(usual, soon / 2))
    return max(wait, min(schedule.every, schedule.first))


@dataclass(frozen=True)
class Streak:
    """Troubles of one kind in a row: how many, and when the first was."""

    count: int
    since: float

    @classmethod
    def after(cls, earlier: Mapping[str, float] | None, now: float) -> Streak:
        if earlier is None:
            return cls(1, now)
        return cls(int(earlier["count"]) + 1, earlier["since"])

    def outlasts(
        self, limit: int | None, now: float, patience: float | None = None
    ) -> bool:
        """Is this one trouble too many: over *limit* and, if given, *patience*?"""
        if limit is None:
            return False
        return self.count > limit and now - self.since >= (patience or 0)


@dataclass(frozen=True)
class WatchPace:
    """How closely the watch looks after overdue jobs."""

    period: float = 15
    grace: float = 30
    """How long a job may be overdue before its message is sent again."""
    most: int = 200
    """Messages in one run."""
    doublings: int = 6

    polls_every: float = 5
    """Seconds after which a watch that asks for jobs is started, if none is at it."""
    turn: float = 1.5
    """How long it asks before it lets other tasks have its slot."""
    rest: float = 1
    """How long it rests when nothing is due. Quorum queues take whole seconds only."""
    turn_lease: float = 10
    """How long it may be silent before another takes over."""
    claim: float = 15
    """How long a job that it has claimed may stay unasked before it is due again."""
    patience: float = 12
    """How long answers are waited for; later ones come after the claim."""
    batch: int = 320
    at_once: int = 64
    """Queries under way at the same time."""
    step: float = 0.25
    """By how much of its time a rate is used up at once."""

    def published_every(self, *, polls: bool) -> float:
        return min(self.period, self.polls_every) if polls else self.period

    def next_look(self, resends: int) -> float:
        """Return the wait before the same version is sent once more: 30, 60, 120 …"""
        return float(self.grace * 2 ** min(resends, self.doublings))


WATCH = WatchPace()

_TYPICAL = {
    ("MiniMax-Hailuo-02", "768P"): 120.0,
    ("MiniMax-Hailuo-02", "1080P"): 240.0,
    ("I2V-01", "720P"): 114.0,
    ("T2V-01", "720P"): 234.0,
}


def typical_seconds(model: str | None, resolution: str | None) -> float | None:
    """Return how long such a job is said to run, None if nobody says it (section 7)."""
    return _TYPICAL.get((model or "", resolution or ""))


def expected_seconds(
    model: str | None, resolution: str | None, took: Sequence[float] = ()
) -> float:
    """Return how long a job of that kind typically runs.

    As long as half of the user's own last ones *took*, once there are enough of them;
    before that by the contract, section 7.
    """
    if len(took) >= LEARNED_FROM:
        return percentile(took, 0.5)
    by_resolution = 240.0 if resolution == "1080P" else 120.0
    return typical_seconds(model, resolution) or by_resolution


def expected_at_most(took: Sequence[float]) -> float | None:
    """Return within how long nine of ten such jobs are done; None before it is known.

    No table tells this: it follows from the user's own last ones alone.
    """
    return percentile(took, 0.9) if len(took) >= LEARNED_FROM else None
