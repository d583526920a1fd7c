"""What a run is told to have shown."""

from __future__ import annotations

import json
from pathlib import Path

from tests.chaos.audit import Facts
from tests.chaos.plan import make_plan
from tests.chaos.report import Delay, Report, added_delay, report_on, row, write


def ended(name: str, sent: float, at: float | None, **changes: object) -> Facts:
    told = {"state": "SUCCESS", "stage": "done", "ends": ("SUCCESS",), **changes}
    return Facts(name=name, sent=sent, ended=at, **told)  # type: ignore[arg-type]


CALM = [ended("a", 0, 10), ended("b", 5, 15), ended("c", 6, 20), ended("d", 7, None)]
HURT = [ended("a", 0, 12), ended("b", 9, 20), ended("c", 6, 50), ended("d", 7, 30)]


def reported(*faults: str, facts: list[Facts] = HURT) -> Report:
    plan = make_plan(seed=1, jobs=4, broker="redis", faults=faults)
    calm = report_on(plan, CALM, took=30, hurt={}, refused=0)
    return report_on(plan, facts, took=60, hurt={"a": 1}, refused=2, without=calm)


def test_a_delay_is_that_of_a_job_against_itself() -> None:
    """From when it was asked for; a job without an end in both runs says nothing."""
    assert added_delay(HURT, CALM) == Delay(median=2, most=30, compared=3)
    assert added_delay(HURT, []) is None


def test_what_a_fault_excuses_is_told_and_not_blamed() -> None:
    again = [ended("a", 0, 10, heard=2)]

    excused, blamed = reported("kill-workers", facts=again), reported(facts=again)

    assert excused.found == blamed.found == {"HEARD_AGAIN": 1}
    assert excused.blamed == []
    assert [finding.name for finding in blamed.blamed] == ["a"]


def test_a_row_tells_the_delay_and_what_was_found() -> None:
    told = row(reported("kill-workers", facts=[ended("a", 0, 12, heard=0)])).split()

    assert told[:3] == ["redis", "kill-workers", "4"]
    assert "+2.0" in told
    assert told[-2:] == ["UNHEARD", "1"]


def test_a_report_is_written_with_all_that_is_needed_to_run_it_again(
    tmp_path: Path,
) -> None:
    told = json.loads(write(reported("kill-children"), tmp_path).read_text())

    assert told["plan"]["seed"] == 1
    assert told["plan"]["faults"] == ["kill-children"]
    assert set(told["versions"]) >= {"python", "celery", "kombu", "redis"}
    assert told["added_delay"] == {"median": 2, "most": 30, "compared": 3}
    assert told["refused"] == 2
