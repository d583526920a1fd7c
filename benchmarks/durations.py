"""How long jobs run, as far as anybody has told: assumed, and said to be."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

from phanedge_celery.schedule import expected_seconds

KINDS: Final = (
    ("MiniMax-Hailuo-02", "768P"),
    ("MiniMax-Hailuo-02", "1080P"),
    ("I2V-01", "720P"),
    ("T2V-01", "720P"),
)
SPREAD: Final = 0.25
"""Of the logarithm of a render's length."""
QUEUED: Final = 20.0
"""Seconds that a job waits for its turn, on average."""
ASSUMED: Final = (
    "Durations are assumed: the contract's typical runs (section 7; 120, 240, 114 and"
    f" 234 s, each as often), times a log-normal factor (sigma {SPREAD:g}), after an"
    f" exponential queue of {QUEUED:g} s on average. No measured ones are published."
)


@dataclass(frozen=True)
class Kind:
    """Jobs of one model and resolution."""

    model: str
    resolution: str

    def seconds(self, dice: random.Random, wide: float = 1) -> float:
        """Return how long one job of this kind runs, its queue included.

        *wide*: so many times the spread and the queue that are assumed.
        """
        typical = expected_seconds(self.model, self.resolution)
        render = typical * dice.lognormvariate(0, wide * SPREAD)
        return dice.expovariate(1 / (wide * QUEUED)) + render


ALL: Final = tuple(Kind(*kind) for kind in KINDS)


@dataclass(frozen=True)
class Job:
    """One job, which runs so many *seconds*."""

    kind: Kind
    seconds: float


def drawn(many: int, seed: int, wide: float = 1) -> list[Job]:
    """Return so many jobs of all kinds."""
    dice = random.Random(seed)
    kinds = (dice.choice(ALL) for _ in range(many))
    return [Job(kind, kind.seconds(dice, wide)) for kind in kinds]


def memoryless(many: int, seed: int) -> list[Job]:
    """Return jobs with the same means, of which a job's age tells nothing."""
    dice = random.Random(seed)
    kinds = [dice.choice(ALL) for _ in range(many)]
    means = (expected_seconds(kind.model, kind.resolution) for kind in kinds)
    return [
        Job(kind, dice.expovariate(1 / (mean + QUEUED)))
        for kind, mean in zip(kinds, means, strict=True)
    ]
