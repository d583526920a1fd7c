"""The fewest polls for a delay, by dynamic programming over known durations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Final, NamedTuple

LONGEST: Final = 120
"""Seconds between two polls of the optimum; no frontier of interest needs more."""

PRICES: Final = tuple(20.0 * 0.6**step for step in range(22))
"""Of a second of delay, in polls: from one second on average to about a minute."""


class Outcome(NamedTuple):
    """What a way to poll costs: means over all jobs."""

    delay: float
    """Seconds from the job's end to the poll that finds it."""
    polls: float


@dataclass(frozen=True)
class Known:
    """Durations by the whole second before which they end."""

    jobs: Sequence[int]
    """How many have ended by second 0, 1, 2 …"""
    seconds: Sequence[float]
    """And how long they took together."""

    @classmethod
    def of(cls, durations: Sequence[float]) -> Known:
        size = int(max(durations)) + 2
        jobs, seconds = [0] * size, [0.0] * size
        for duration in durations:
            jobs[int(duration) + 1] += 1
            seconds[int(duration) + 1] += duration
        return cls(tuple(accumulate(jobs)), tuple(accumulate(seconds)))

    def best(self, price: float) -> Outcome:
        """Return the least of polls + *price* x delay, over all schedules.

        From the last second backwards: what is left to pay after a poll that found
        nothing is known when the poll before it is chosen.
        """
        last, total = len(self.jobs) - 1, self.jobs[-1]
        left = [0.0] * (last + 1)
        following = [last] * (last + 1)
        for start in range(last - 1, -1, -1):
            left[start], following[start] = self._next(start, price, left)
        polls = delay = 0.0
        start = 0
        while start < last and self.jobs[start] < total:
            polls += total - self.jobs[start]
            delay += self._delay(start, following[start])
            start = following[start]
        return Outcome(delay / total, polls / total)

    def _next(self, start: int, price: float, left: list[float]) -> tuple[float, int]:
        """Return what is to be paid from a poll at *start* on, and the next poll."""
        last = len(self.jobs) - 1
        waiting = self.jobs[-1] - self.jobs[start]
        if not waiting:
            return 0.0, last
        cost, end = min(
            (left[end] + price * self._delay(start, end), end)
            for end in range(start + 1, min(start + LONGEST, last) + 1)
        )
        return cost + waiting, end

    def _delay(self, start: int, end: int) -> float:
        """Return the delay, added up, of jobs that end between these two polls."""
        found = self.jobs[end] - self.jobs[start]
        return found * end - (self.seconds[end] - self.seconds[start])


def frontier(durations: Sequence[float]) -> list[Outcome]:
    """Return the best outcomes for these very durations, by delay."""
    known = Known.of(durations)
    return sorted({known.best(price) for price in PRICES})


def polls_at(best: Sequence[Outcome], delay: float) -> float:
    """Return the fewest polls for a mean *delay*: two of the *best*, mixed."""
    for low, high in pairwise(best):
        if low.delay <= delay <= high.delay:
            share = (delay - low.delay) / (high.delay - low.delay)
            return low.polls + share * (high.polls - low.polls)
    raise ValueError(f"a mean delay of {delay:.1f} s lies beyond the frontier")
