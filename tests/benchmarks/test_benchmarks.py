"""The benchmarks start, and what they write down has its shape; nothing is measured."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from benchmarks.__main__ import ALL
from benchmarks.figures import Figure
from benchmarks.measure import alternate, arguments, ratios
from benchmarks.page import lines
from benchmarks.report import Report

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=ALL)
def report(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """What a benchmark says of the least that it can do."""
    told = tmp_path / "report.json"
    command = [sys.executable, "-m", f"benchmarks.{request.param}", "--tiny"]
    done = subprocess.run(
        [*command, "--json", str(told)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(told.read_text())
    assert found["benchmark"] == request.param
    return found


@pytest.mark.long
@pytest.mark.timeout(330)
def test_each_benchmark_starts_and_tells_when_on_what_and_how_much(
    report: dict[str, Any],
) -> None:
    assert report["scale"] == "tiny"
    assert report["machine"]["cores"] >= 1
    assert {"celery", "kombu", "redis"} <= set(report["versions"])
    assert all(report["notes"])
    assert report["figures"]
    for figure in report["figures"]:
        assert figure["samples"]
        assert not any(map(math.isnan, figure["samples"])), figure
        assert figure["low"] <= figure["median"] <= figure["high"]
    assert "\n".join(lines(report)).count("|") > 10


def test_rounds_alternate_and_each_begins_with_another_case() -> None:
    asked: list[str] = []

    def measure(name: str) -> float:
        asked.append(name)
        return 1.0

    cases: dict[str, Any] = {name: partial(measure, name) for name in "abc"}

    taken = alternate(cases, 2)

    assert "".join(asked) == "abcbca"
    assert taken == {"a": [1.0, 1.0], "b": [1.0, 1.0], "c": [1.0, 1.0]}


def test_a_ratio_is_taken_within_its_round() -> None:
    assert ratios([2, 30], [1, 10]) == [2, 3]


@pytest.mark.parametrize(
    ("samples", "at_most", "told"),
    [
        ([1.0, 1.2, 9.0], 1.35, "≤ 1.35"),
        ([1.0, 1.4, 9.0], 1.35, "≤ 1.35: missed"),
        ([1.0], None, ""),
    ],
    ids=["met", "missed", "none"],
)
def test_a_goal_is_held_to_the_median(
    samples: list[float], at_most: float | None, told: str
) -> None:
    figure = Figure(name="poll", unit="times", samples=samples, at_most=at_most)

    assert figure.goal == told


def test_a_missed_goal_fails_only_if_that_is_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = Report("poll_cost")
    report.add("poll", "times", 2.0, at_most=1.35)

    assert report.conclude(arguments(None, [])) == 0
    assert report.conclude(arguments(None, ["--strict"])) == 1
    assert "≤ 1.35: missed" in capsys.readouterr().out
