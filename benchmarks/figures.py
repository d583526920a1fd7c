"""A figure: samples of one thing, and what is hoped of their median."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median, quantiles
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One line of a report: samples, and what is hoped of their median."""

    name: str
    unit: str
    samples: Sequence[float]
    at_most: float | None = None
    at_least: float | None = None

    @property
    def median(self) -> float:
        return median(self.samples)

    @property
    def spread(self) -> tuple[float, float]:
        """The quartiles; of fewer than four samples the least and the most."""
        if len(self.samples) < 4:
            return min(self.samples), max(self.samples)
        low, _, high = quantiles(self.samples, n=4, method="inclusive")
        return low, high

    @property
    def met(self) -> bool | None:
        """Is the goal reached? None where there is none."""
        if self.at_most is None and self.at_least is None:
            return None
        low = self.at_least is None or self.median >= self.at_least
        return low and (self.at_most is None or self.median <= self.at_most)

    @property
    def goal(self) -> str:
        if self.met is None:
            return ""
        words = [("≤", self.at_most), ("≥", self.at_least)]
        told = " ".join(f"{sign} {shown(v)}" for sign, v in words if v is not None)
        return told if self.met else f"{told}: missed"

    def as_json(self) -> dict[str, Any]:
        low, high = self.spread
        told = {"median": self.median, "low": low, "high": high, "met": self.met}
        return {**asdict(self), "samples": list(self.samples), **told}


def table(figures: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return figures, as they are in JSON, as the lines of a Markdown table."""
    rows = [
        ("", "unit", "median", "spread", "goal"),
        ("---", "---", "--:", "--:", "---"),
    ]
    for told in figures:
        known = {name: told[name] for name in Figure.__dataclass_fields__}
        figure = Figure(**known)
        low, high = figure.spread
        spread = "" if low == high else f"{shown(low)} – {shown(high)}"
        rows.append(
            (figure.name, figure.unit, shown(figure.median), spread, figure.goal)
        )
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return ["| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in rows]


def shown(number: float) -> str:
    """Return a number with three digits that count."""
    if number == 0 or abs(number) >= 1000:
        return f"{number:,.0f}"
    if float(number).is_integer():
        return f"{number:.0f}"
    return f"{number:.3g}"
