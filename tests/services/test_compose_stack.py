"""The services of docker-compose.yml, by their own commands, without containers."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.processes import Child
from tests.servers import RedisServer, free_port

ROOT = Path(__file__).parents[2]
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(
    (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
)["services"]
REQUEST = {"model": "MiniMax-Hailuo-02", "prompt": "A cat surfs."}
PROGRAMS = {"python": [sys.executable], "celery": [sys.executable, "-m", "celery"]}

Translate = Callable[[str], str]


@pytest.fixture
def here(redis_server: RedisServer) -> Translate:
    """Turn what is said inside a container into what holds on this machine."""
    redis, fake = free_port(), free_port()
    words = {
        "redis-server": str(redis_server.program),
        "redis://redis:6379": f"redis://127.0.0.1:{redis}",
        "http://fake:8900": f"http://127.0.0.1:{fake}",
        "0.0.0.0": "127.0.0.1",
        "8900": str(fake),
        "6379": str(redis),
        "celery@$$HOSTNAME": f"celery@{socket.gethostname()}",
    }

    def translated(text: str) -> str:
        for inside, outside in words.items():
            if inside in text:
                return text.replace(inside, outside)
        return text

    return translated


@pytest.fixture
def stack(here: Translate, tmp_path: Path) -> Iterator[dict[str, Child]]:
    own = ["--bind", "127.0.0.1", "--port", here("6379"), "--dir", str(tmp_path)]
    started = {
        "redis": Child(command_of("redis", here) + own, tmp_path / "redis.log"),
        "fake": Child(command_of("fake", here), tmp_path / "fake.log"),
        "worker": Child(
            command_of("worker", here),
            tmp_path / "worker.log",
            env=environment(here),
            cwd=ROOT / "examples",
        ),
    }
    ready = {"redis": "Ready to accept", "fake": "listens on", "worker": "ready."}
    with ExitStack() as ending:
        for name, child in started.items():
            ending.callback(child.stop)
            child.start()
            child.wait_for_log(ready[name], 60)
        yield started


def command_of(name: str, here: Translate) -> list[str]:
    program, *arguments = (here(part) for part in SERVICES[name]["command"])
    return [*PROGRAMS.get(program, [program]), *arguments]


def environment(here: Translate) -> dict[str, str]:
    given = SERVICES["worker"]["environment"]
    unset = {name: "" for name, value in given.items() if value.startswith("${")}
    return {name: here(value) for name, value in given.items()} | unset


def celery(*arguments: str, env: dict[str, str]) -> str:
    ran = subprocess.run(
        [sys.executable, "-m", "celery", "-A", "compose_app", *arguments],
        cwd=ROOT / "examples",
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_the_stack_makes_a_video_and_stops_at_once(
    stack: dict[str, Child], here: Translate
) -> None:
    env = environment(here)
    *_, health = SERVICES["worker"]["healthcheck"]["test"]
    assert "pong" in celery(*here(health).split()[3:], env=env)

    id = celery(
        "call", "phanedge.submit_video", "--args", json.dumps([REQUEST]), env=env
    )
    video = celery("result", id.strip(), env=env)

    assert "'status': 'Success'" in video
    assert "'download_url': 'http://127.0.0.1" in video
    assert stack["worker"].stop() == 0
