"""What a run will do: which orders are placed when, and which blows fall when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from tests.chaos.faults import FAULTS, Blow, Span

SHAPES: Final = {"plain": 11, "save": 4, "chain": 3, "chord": 2}
"""Out of twenty orders."""
MEMBERS: Final = 3
"""Jobs in a chord; each other shape has one."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How fast a run asks and looks; all in seconds."""

    schedule: Mapping[str, float]
    watch: Mapping[str, float]
    renders: tuple[float, float] = (4, 14)
    """From submission to Success, at least and at most."""
    lease: float | None = None
    """When a run, once all is placed, lets a POST's lease end; None: when it ends."""

    @property
    def every(self) -> float:
        return self.schedule["every"]


PACES: Final = {
    # The package's own figures, which need renders of minutes to mean much.
    "real": Pace(schedule={"first": 30, "every": 10}, watch={}, renders=(40, 140)),
    # A fifth of them, all alike: what is kept is who waits for whom, and how often.
    "fifth": Pace(
        schedule={
            "first": 6,
            "every": 2,
            "retry_first": 0.2,
            "retry_max": 12,
            "limited_first": 2,
            "patience": 60,
        },
        watch={"period": 3, "grace": 6},
    ),
    # For `make test`, which has no minute to wait for a lease.
    "tenth": Pace(
        schedule={"first": 3, "every": 1, "retry_first": 0.1, "retry_max": 6},
        watch={"period": 1.5, "grace": 3},
        renders=(2, 5),
        lease=15,
    ),
}


@dataclass(frozen=True, kw_only=True)
class Order:
    """One thing asked for: a job alone, in a chain, or three in a chord."""

    number: int
    shape: str
    at: float
    renders: tuple[float, ...]

    def names(self, seed: int) -> tuple[str, ...]:
        """Return a name for each of its jobs; prompt, key and file carry it."""
        many = range(len(self.renders))
        return tuple(f"s{seed}-o{self.number}-j{member}" for member in many)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One run, whole: the same arguments make the same plan."""

    seed: int
    broker: str
    pace: str
    faults: tuple[str, ...]
    orders: tuple[Order, ...]
    blows: tuple[Blow, ...]

    @property
    def jobs(self) -> int:
        return sum(len(order.renders) for order in self.orders)

    @property
    def name(self) -> str:
        return "+".join(self.faults) or "no fault"

    def as_json(self) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "broker": self.broker,
            "pace": self.pace,
            "faults": list(self.faults),
            "jobs": self.jobs,
            "orders": len(self.orders),
            "blows": [vars(blow) for blow in self.blows],
        }


def make_plan(
    *,
    seed: int,
    jobs: int,
    broker: str,
    faults: tuple[str, ...] = (),
    rate: float = 4,
    pace: str = "fifth",
) -> Plan:
    """Return a plan of *jobs* jobs, *rate* of them a second.

    The orders depend on seed, jobs, rate and pace alone, so that the same plan without
    faults tells what each job would have taken.
    """
    orders = tuple(_orders(Random(f"{seed}/orders"), jobs, rate, pace))
    sent = orders[-1].at
    span = Span(sent=sent, ended=sent + PACES[pace].renders[1])
    blows = sorted(
        (blow for name in faults for blow in _blows(seed, name, span)),
        key=lambda blow: blow.at,
    )
    return Plan(
        seed=seed,
        broker=broker,
        pace=pace,
        faults=faults,
        orders=orders,
        blows=tuple(blows),
    )


def _blows(seed: int, name: str, span: Span) -> Iterator[Blow]:
    return FAULTS[name].blows(Random(f"{seed}/{name}"), span)


def _orders(dice: Random, jobs: int, rate: float, pace: str) -> Iterator[Order]:
    number = made = 0
    while made < jobs:
        [shape] = dice.choices(list(SHAPES), list(SHAPES.values()))
        members = MEMBERS if shape == "chord" and jobs - made >= MEMBERS else 1
        shape = "plain" if shape == "chord" and members == 1 else shape
        renders = tuple(dice.uniform(*PACES[pace].renders) for _ in range(members))
        yield Order(number=number, shape=shape, at=made / rate, renders=renders)
        number, made = number + 1, made + members


def random_faults(seed: int, count: int) -> list[tuple[str, ...]]:
    """Return *count* combinations of two or three faults each, by *seed*."""
    dice = Random(f"{seed}/combinations")
    single = [name for name, fault in FAULTS.items() if not fault.alone]
    return [
        tuple(sorted(dice.sample(single, dice.choice((2, 3))))) for _ in range(count)
    ]
