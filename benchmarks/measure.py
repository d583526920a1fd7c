"""Rounds that alternate, so that a noisy machine is as unfair to each case.

A benchmark names its cases, lets them alternate, and reports figures:

    from benchmarks.measure import alternate, arguments, ratios
    from benchmarks.report import Report

    def main(given: Sequence[str] | None = None) -> int:
        asked = arguments(__doc__, given)
        taken = alternate({"floor": floor, "ours": ours}, asked.rounds)
        report = Report("poll_cost")
        report.add("floor", "ms", taken["floor"])
        report.add("ours", "ms", taken["ours"])
        ratio = ratios(taken["ours"], taken["floor"])
        report.add("ours / floor", "times", ratio, at_most=1.35)
        report.say("What was not measured, in words.")
        return report.conclude(asked)      # prints the table, writes JSON if asked

    if __name__ == "__main__":
        sys.exit(main())

Each case is a function without arguments that measures once and returns one number, or
several by name (`column` takes one of them). Each round begins with another case, and a
ratio is taken within its round. What is told of the samples is their median, with the
quartiles as spread.

A benchmark sizes its work by `asked.size(full=…, quick=…, tiny=…)`: `--quick` is for
`make bench-quick`, `--tiny` for the test that everything still starts. It runs as
`python -m benchmarks.poll_cost`, and so needs no path of its own. To miss a goal is no
failure, unless with `--strict`. `benchmarks.stand` has what most of them need: a fake,
and what processes use.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

ROUNDS: Final = {"full": 9, "quick": 3, "tiny": 1}
T = TypeVar("T")

Measured = Mapping[str, float]
Case = Callable[[], float | Measured]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """How much is to be measured, and where it is written down."""

    rounds: int
    scale: str
    json: Path | None = None
    strict: bool = False
    only: Sequence[str] = ()
    begun: float = field(default_factory=time.time)

    def size(self, *, full: T, quick: T, tiny: T) -> T:
        """Return the size of the work that fits the time."""
        return {"full": full, "quick": quick, "tiny": tiny}[self.scale]

    def wants(self, name: str) -> bool:
        """Is this part of the benchmark asked for? Without `--only` all are."""
        return not self.only or any(part in name for part in self.only)


def arguments(
    doc: str | None, given: Sequence[str] | None = None, **defaults: Any
) -> Asked:
    """Read the command line that all benchmarks share; *doc* is their description."""
    kind = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=doc, formatter_class=kind)
    parser.add_argument("--rounds", type=int, help="9; with --quick 3, with --tiny 1")
    scale = parser.add_mutually_exclusive_group()
    for name in ("quick", "tiny"):
        scale.add_argument(
            f"--{name}", action="store_const", const=name, dest="scale", default="full"
        )
    parser.add_argument("--json", type=Path, help="write the report there, too")
    parser.add_argument("--strict", action="store_true", help="a missed goal fails")
    parser.add_argument("--only", nargs="*", default=[], help="parts, by their names")
    found = vars(parser.parse_args(given))
    found["rounds"] = found["rounds"] or {**ROUNDS, **defaults}[found["scale"]]
    return Asked(**found)


def alternate(
    cases: Mapping[str, Case], rounds: int, *, between: Callable[[], None] | None = None
) -> dict[str, list[Any]]:
    """Measure all *cases* in each round; return what each has measured, by round.

    *between* runs before each measuring.
    """
    names = list(cases)
    taken: dict[str, list[Any]] = {name: [] for name in names}
    for number in range(rounds):
        start = number % len(names)
        for name in (*names[start:], *names[:start]):
            if between:
                between()
            taken[name].append(cases[name]())
            _show(f"round {number + 1} of {rounds}: {name}")
    return taken


def column(samples: Sequence[Measured], name: str) -> list[float]:
    """Return one of the numbers that a case measures, round by round."""
    return [sample[name] for sample in samples]


def ratios(over: Sequence[float], under: Sequence[float]) -> list[float]:
    """Return the ratio of two cases in each round."""
    return [above / below for above, below in zip(over, under, strict=True)]


def _show(what: str) -> None:
    """Tell who waits at a terminal where it is."""
    if sys.stderr.isatty():
        print(f"\r\033[K{what}", end="", file=sys.stderr, flush=True)
