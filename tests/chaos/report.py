"""What is told of a run: a row of a table, and everything as JSON."""

from __future__ import annotations

import json
import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from tests.chaos.audit import Facts, Finding, Wrong, audit
from tests.chaos.faults import excused
from tests.chaos.plan import Plan

LIBRARIES = ("celery", "kombu", "redis", "amqp")


@dataclass(frozen=True, kw_only=True)
class Delay:
    """By how much later jobs ended than without faults, in seconds."""

    median: float
    most: float
    compared: int


@dataclass(frozen=True, kw_only=True)
class Report:
    """One run: its plan, what became of the jobs, what the auditor found."""

    plan: Plan
    facts: Sequence[Facts]
    findings: Sequence[Finding]
    took: float
    hurt: Mapping[str, int] = field(default_factory=dict)
    refused: int = 0
    delay: Delay | None = None

    @property
    def blamed(self) -> list[Finding]:
        """Return the findings that nothing excuses."""
        pardoned = excused(self.plan.faults, self.plan.broker)
        return [found for found in self.findings if found.wrong not in pardoned]

    @property
    def ends(self) -> Counter[str]:
        """Count the jobs by their last end."""
        return Counter(job.ends[-1] if job.ends else job.state for job in self.facts)

    @property
    def found(self) -> Counter[str]:
        return Counter(finding.wrong.name for finding in self.findings)


def report_on(
    plan: Plan,
    facts: Sequence[Facts],
    *,
    took: float,
    hurt: Mapping[str, int],
    refused: int,
    without: Report | None = None,
) -> Report:
    """Judge a run; *without* is that of the same plan without faults."""
    return Report(
        plan=plan,
        facts=facts,
        findings=audit(facts),
        took=took,
        hurt=hurt,
        refused=refused,
        delay=added_delay(facts, without.facts) if without else None,
    )


def added_delay(facts: Sequence[Facts], without: Sequence[Facts]) -> Delay | None:
    """Compare job by job; jobs that did not end both times are left out."""
    usual = {job.name: job.ended - job.sent for job in without if job.ended}
    added = [
        job.ended - job.sent - usual[job.name]
        for job in facts
        if job.ended and job.name in usual
    ]
    if not added:
        return None
    return Delay(median=median(added), most=max(added), compared=len(added))


HEAD = (
    f"{'broker':9} {'fault':32} {'jobs':>5} {'median':>8} {'most':>8} {'lost':>5}"
    f" {'twice':>6}  ends · found"
)


def row(report: Report) -> str:
    """Return one line of the table."""
    found, delay = report.found, report.delay
    lost = found[Wrong.LOST.name]
    twice = found[Wrong.PAID_TWICE.name] + found[Wrong.POSTED_TWICE.name]
    median, most = (f"{delay.median:+.1f}", f"{delay.most:+.1f}") if delay else ("", "")
    return (
        f"{report.plan.broker:9} {report.plan.name:32} {report.plan.jobs:5} {median:>8}"
        f" {most:>8} {lost:5} {twice:6}  {_counts(report.ends)} · {_counts(found)}"
    )


def _counts(counted: Mapping[str, int]) -> str:
    return " ".join(f"{name} {count}" for name, count in sorted(counted.items())) or "-"


def as_json(report: Report) -> dict[str, Any]:
    delay = report.delay
    return {
        "plan": report.plan.as_json(),
        "versions": versions(),
        "took": round(report.took, 1),
        "ends": dict(report.ends),
        "found": dict(report.found),
        "blamed": [str(finding) for finding in report.blamed],
        "hurt": dict(report.hurt),
        "refused": report.refused,
        "added_delay": delay and {name: round(n, 2) for name, n in vars(delay).items()},
    }


def versions() -> dict[str, str]:
    found = {name: version(name) for name in LIBRARIES}
    return {"python": platform.python_version(), **found}


def write(report: Report, folder: Path) -> Path:
    """Write the report as JSON under a name that tells what it is of."""
    plan = report.plan
    name = f"{plan.broker}-{plan.name.replace(' ', '-')}-{plan.jobs}-{plan.seed}.json"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(as_json(report), indent=1) + "\n")
    return folder / name
