"""The Kubernetes example: its manifest, and its probe on a worker of its app."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from celery import current_app

import phanedge_celery  # noqa: F401 - whose tasks are asked for their limits
from tests.processes import Child
from tests.servers import RedisServer
from tests.workers import python_path, wait_for

FOLDER = Path(__file__).parents[2] / "examples" / "kubernetes"
AHEAD = 3000
"""Seconds; the file lies farther in the future while nothing beats."""


@pytest.fixture(scope="module")
def pod() -> Mapping[str, Any]:
    text = (FOLDER / "worker.yaml").read_text(encoding="utf-8")
    found: Mapping[str, Any] = yaml.safe_load(text)["spec"]["template"]["spec"]
    return found


@pytest.fixture(scope="module")
def container(pod: Mapping[str, Any]) -> Mapping[str, Any]:
    [only] = pod["containers"]
    found: Mapping[str, Any] = only
    return found


def limits() -> dict[str, float]:
    """Return the soft limit of each of our tasks."""
    tasks = current_app.tasks
    ours = {name: tasks[name] for name in tasks if name.startswith("phanedge.")}
    return {name: task.soft_time_limit or 0 for name, task in ours.items()}


def test_a_pod_has_more_time_to_stop_than_any_task_to_end(
    pod: Mapping[str, Any],
) -> None:
    assert len(limits()) >= 5
    assert pod["terminationGracePeriodSeconds"] > max(limits().values())


def test_the_numbers_in_words_are_those_of_the_tasks() -> None:
    words = (FOLDER / "worker.yaml").read_text(encoding="utf-8")
    told = {int(number) for number in re.findall(r"in\n?\s*#?\s*(\d+) s", words)}

    assert {limits()["phanedge.save_file"], 155} <= told


def test_the_worker_is_no_child_of_a_shell_which_would_keep_the_signal(
    container: Mapping[str, Any],
) -> None:
    assert container["command"][0] == "celery"


def test_the_probe_tells_a_worker_that_lives_from_one_that_hangs(
    container: Mapping[str, Any], own_redis: RedisServer, tmp_path: Path
) -> None:
    file = tmp_path / "heartbeat"
    env = {
        "PYTHONPATH": python_path(),
        "CELERY_BROKER_URL": own_redis.url(0),
        "CELERY_RESULT_BACKEND": own_redis.url(1),
        "HEARTBEAT_FILE": str(file),
        "PHANEDGE_API_KEY": "a-key-of-the-tests",
    }

    def passes(probe: str = "livenessProbe") -> bool:
        command = container[probe]["exec"]["command"]
        ran = subprocess.run(command, env={**os.environ, **env}, timeout=10)
        return ran.returncode == 0

    def lies_ahead() -> bool:
        return file.stat().st_mtime > time.time() + AHEAD

    worker = Child(
        [sys.executable, "-m", *container["command"]],
        tmp_path / "worker.log",
        env=env,
        cwd=FOLDER,
    )
    assert not passes("startupProbe")
    assert not passes()
    worker.start()
    try:
        worker.wait_for_log(" ready.", timeout=60)
        assert passes("startupProbe")
        assert passes()

        worker.pause()
        os.utime(file, (time.time() - 61,) * 2)
        assert not passes()
        worker.resume()
        wait_for(passes, 15, what="it beats again")

        own_redis.stop()
        wait_for(lies_ahead, 15, what="patience while the broker is away")
        assert passes()
        own_redis.start()
        wait_for(lambda: not lies_ahead(), 20, what="it beats as before")
        assert passes()
    finally:
        worker.stop()
    assert lies_ahead()
