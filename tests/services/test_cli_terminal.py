"""The commands as processes: on a real terminal, in a pipe, and through Celery."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping

from tests.servers import free_port
from tests.stacks import Stack
from tests.terminal import Terminal
from tests.workers import python_path

APP = ("-A", "tests.apps.plain", "phanedge")
CTRL_C = "\x03"


def piped(*words: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "celery", *words],
        env={"PYTHONPATH": python_path(), "PATH": "/usr/bin:/bin", **env},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_ctrl_c_leaves_the_job_running_and_says_how_to_follow_it_again(
    redis_stack: Stack,
) -> None:
    request = redis_stack.request("Processing")
    asked = ["submit", "--model", request["model"], "--prompt", request["prompt"]]
    terminal = Terminal(*APP, *asked, env=redis_stack.env)

    id = terminal.wait_for(r"id ([0-9a-f-]{36})")[1]
    terminal.wait_for(
        r"\r\x1b\[Kpolling · Processing · \d+ polls · 0:0\d of about 2:00"
    )
    terminal.press(CTRL_C)
    assert terminal.ended() == 130
    again = re.search(r"Follow it again: +(celery .*\S)", terminal.seen)

    assert again
    assert "Traceback" not in terminal.seen
    assert "Aborted" not in terminal.seen
    assert redis_stack.fake.key not in terminal.seen
    shown = redis_stack.progress(id)
    assert shown["stage"] == "polling"
    redis_stack.fake.script("Success", job=shown["job_id"])
    followed = Terminal(*shlex.split(again[1])[1:], env=redis_stack.env)
    assert followed.ended() == 0
    assert f"{id}  done  Success" in followed.seen
    assert redis_stack.posts_of(request) == 1


def test_in_a_pipe_there_is_no_progress_line(redis_stack: Stack) -> None:
    request = redis_stack.request(*["Processing"] * 20, "Success")

    done = piped(*APP, "submit", json.dumps(request), "--json", env=redis_stack.env)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["stage"] == "done"
    assert re.fullmatch(r"id [0-9a-f-]{36}\n", done.stderr)


def test_a_process_whose_store_is_away_prints_one_line() -> None:
    url = f"redis://:swordfish-marked-77@127.0.0.1:{free_port()}/0"
    env = {"PHANEDGE_TEST_BROKER": url, "PHANEDGE_TEST_BACKEND": url}

    done = piped(*APP, "jobs", env=env)

    assert done.returncode == 3
    assert done.stdout == ""
    assert re.fullmatch(r"Error: out of reach: Redis: .* refused\.\n", done.stderr)
    assert "swordfish" not in done.stderr


def test_a_worker_says_in_one_line_what_the_doctor_finds(redis_stack: Stack) -> None:
    lines = [x for x in redis_stack.worker.log().splitlines() if "phanedge.doctor" in x]

    assert len(lines) == 1
    assert "1 warning (phanedge.W022); `celery -A … phanedge doctor`" in lines[0]
