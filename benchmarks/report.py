"""What a benchmark has found, as a table and as JSON."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from benchmarks.figures import Figure, table
from benchmarks.measure import Asked

PACKAGES: Final = (
    "celery",
    "kombu",
    "billiard",
    "amqp",
    "redis",
    "requests",
    "urllib3",
    "pydantic",
    "phanedge-celery",
)


@dataclass
class Report:
    """What one benchmark has found."""

    benchmark: str
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    servers: dict[str, str] = field(default_factory=dict)
    """Versions of what else took part, `{"redis-server": "7.0.15"}`."""

    def add(
        self,
        name: str,
        unit: str,
        samples: Sequence[float] | float,
        *,
        at_most: float | None = None,
        at_least: float | None = None,
    ) -> Figure:
        """Add one line; *samples* may be a single number that does not vary."""
        taken = [samples] if isinstance(samples, (int, float)) else list(samples)
        goal = {"at_most": at_most, "at_least": at_least}
        self.figures.append(
            figure := Figure(name=name, unit=unit, samples=taken, **goal)
        )
        return figure

    def say(self, note: str) -> None:
        """Add a sentence: what was assumed, or not measured."""
        self.notes.append(note)

    def as_json(self, asked: Asked) -> dict[str, Any]:
        return {
            "benchmark": self.benchmark,
            "date": datetime.fromtimestamp(asked.begun, timezone.utc).isoformat(
                timespec="seconds"
            ),
            "seconds": round(time.time() - asked.begun, 1),
            "scale": asked.scale,
            "rounds": asked.rounds,
            "machine": machine(),
            "versions": {**versions(), **self.servers},
            "figures": [figure.as_json() for figure in self.figures],
            "notes": self.notes,
        }

    def conclude(self, asked: Asked) -> int:
        """Print the table, write the JSON; 1 if strict and a goal was missed."""
        told = self.as_json(asked)
        print(f"{self.benchmark}, {asked.rounds} rounds, {told['seconds']:.0f} s\n")
        print("\n".join(table(told["figures"])))
        print("\n".join(["", *self.notes]))
        if asked.json:
            asked.json.parent.mkdir(parents=True, exist_ok=True)
            asked.json.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")
        missed = any(figure.met is False for figure in self.figures)
        return int(asked.strict and missed)


def machine() -> dict[str, Any]:
    """Return what the figures were taken on, how busy it is among it."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load": [round(load, 2) for load in os.getloadavg()],
    }


def versions() -> dict[str, str]:
    """Return the versions of what was measured."""
    return {package: version(package) for package in PACKAGES}


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    named = (line.partition(":")[2] for line in lines if line.startswith("model name"))
    return next(named, platform.processor()).strip()
