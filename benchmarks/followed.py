"""A job that is followed, in a world of numbers: its delay and its polls."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Final

from benchmarks.durations import Job, Kind
from benchmarks.optimum import Outcome
from phanedge_celery.schedule import (
    REMEMBERED,
    PollSchedule,
    countdown,
    first_wait,
    typical_seconds,
)

Waits = Callable[[int, float], float]
"""How long to wait after so many polls, at that age of the job."""

DEFAULT: Final = PollSchedule()


def ours(schedule: PollSchedule, duration: float, dice: random.Random) -> Outcome:
    """Follow one job as `poll_video` does, by messages."""

    def waits(polls: int, age: float) -> float:
        if not polls:
            return schedule.first
        return countdown(schedule.wait(age, dice.random()))

    return by(waits, duration)


def default(job: Job, dice: random.Random) -> Outcome:
    """Follow one job of a known kind by the default, of which nothing is changed."""
    return ours(learned(job.kind, ()), job.seconds, dice)


def learned(kind: Kind, took: Sequence[float]) -> PollSchedule:
    """Return the default with the first wait for such jobs."""
    typical = typical_seconds(kind.model, kind.resolution)
    # `first_wait` keeps a first of one's own, so what it says is set only here.
    return replace(DEFAULT, first=first_wait(DEFAULT, took, typical))


def by(waits: Waits, duration: float) -> Outcome:
    """Follow one job by a rule that anybody could write."""
    now, polls = waits(0, 0.0), 1
    while now < duration:
        now += waits(polls, now)
        polls += 1
    return Outcome(now - duration, polls)


def fixed(every: float) -> Waits:
    return lambda polls, age: every


def doubling(first: float, most: float) -> Waits:
    return lambda polls, age: min(first * 2.0**polls, most)


def mean(outcomes: Sequence[Outcome]) -> Outcome:
    return Outcome(
        fmean(outcome.delay for outcome in outcomes),
        fmean(outcome.polls for outcome in outcomes),
    )


@dataclass(frozen=True, kw_only=True)
class Learner:
    """Jobs of one kind, of which each first wait follows from those done before it."""

    kind: Kind
    at_once: int = 10
    """Jobs in flight: what one takes is known only after so many others have begun."""

    def compare(self, factor: float, many: int, seed: int) -> tuple[Outcome, Outcome]:
        """Return what is learned and the static default cost, for the same jobs.

        Fifty jobs are done; from then on all take *factor* times as long.
        """
        dice = random.Random(seed)
        took: deque[float] = deque(maxlen=REMEMBERED)
        for _ in range(REMEMBERED):
            duration = self.kind.seconds(dice)
            took.append(duration + self._one(took, duration, dice).delay)
        flying: deque[float] = deque()
        learned, static = [], []
        for _ in range(many):
            duration = factor * self.kind.seconds(dice)
            learned.append(self._one(took, duration, dice))
            static.append(default(Job(self.kind, duration), dice))
            flying.append(duration + learned[-1].delay)
            if len(flying) >= self.at_once:
                took.append(flying.popleft())
        return mean(learned), mean(static)

    def _one(
        self, took: Sequence[float], duration: float, dice: random.Random
    ) -> Outcome:
        return ours(learned(self.kind, took), duration, dice)
