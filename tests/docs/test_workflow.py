"""What GitHub runs is what a developer runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
JOBS: dict[str, dict[str, Any]] = WORKFLOW["jobs"]
NOXFILE = (ROOT / "noxfile.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("job", JOBS)
def test_a_job_only_calls_the_makefile(job: str) -> None:
    steps = [step["run"] for step in JOBS[job]["steps"] if "run" in step]

    assert steps
    assert all(step.startswith("make ") for step in steps)


def test_every_python_is_run_with_every_celery() -> None:
    matrix = JOBS["core"]["strategy"]["matrix"]
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")

    assert matrix["python"] == re.findall(r"Python :: (3\.\d+)", project)
    assert matrix["celery"] == re.findall(r'\["celery==(5\.\d+)', NOXFILE)


def test_a_django_is_run_only_where_nox_has_it() -> None:
    wanted = JOBS["django"]["strategy"]["matrix"]["include"]
    namespace: dict[str, Any] = {}
    for line in re.findall(r"^(?:PYTHONS|DJANGOS) = .*$", NOXFILE, re.MULTILINE):
        exec(line, namespace)

    assert {pair["django"] for pair in wanted} == set(namespace["DJANGOS"])
    for pair in wanted:
        assert pair["python"] in namespace["DJANGOS"][pair["django"]]
