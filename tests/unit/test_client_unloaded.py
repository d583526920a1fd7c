"""Who only enqueues, looks or cancels loads no HTTP client."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = ["http.client", "requests", "urllib3", "phanedge_celery.client"]
HEAVY += ["django", "flask", "fsspec", "prometheus_client", "redis", "sqlalchemy"]

REQUEST = '{"model": "M", "prompt": "A cat.", "first_frame_image": "https://h/a.png"}'
CALLS = {
    "importing": "from phanedge_celery import *",
    "enqueue_video": f"enqueue_video({REQUEST}, key='order-1', max_wait=60)",
    "follow_video": "follow_video(106916112212032)",
    "video_progress": f"video_progress(enqueue_video({REQUEST}).id)",
    "jobs": "list(jobs())",
    "cancel_video": f"cancel_video(enqueue_video({REQUEST}).id)",
    "a_canvas": f"chain(submit_video.s({REQUEST}), retrieve_file.s()).apply_async()",
    "video_request": f"VideoRequest(**{REQUEST})",
    "a_client": "from phanedge_celery.client import client_for",
}
PROGRAM = """
import sys
import kombu.utils.json  # looks for Django by itself
from celery import Celery, chain
app = Celery("shop", broker="memory://", backend="cache+memory://")
app.set_current()
before, heavy, calls = {*sys.modules}, {*%r}, %r
for name, call in calls.items():
    exec(call)
    print(name, *(heavy & {*sys.modules} - before))
"""


@pytest.fixture(scope="module")
def loaded() -> dict[str, set[str]]:
    """Return what a fresh process has loaded after each of the calls in turn."""
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM % (HEAVY, CALLS)],
        capture_output=True,
        text=True,
        timeout=100,
        env={"PYTHONPATH": str(ROOT)},
        cwd=ROOT.anchor,
    )
    assert ran.returncode == 0, ran.stderr
    lines = (line.split() for line in ran.stdout.splitlines())
    return {name: set(modules) for name, *modules in lines}


@pytest.mark.parametrize("name", list(CALLS)[:-1])
def test_no_producer_loads_an_http_client_or_anything_else_unasked(
    loaded: dict[str, set[str]], name: str
) -> None:
    assert loaded[name] == set()


def test_what_makes_a_client_loads_one(loaded: dict[str, set[str]]) -> None:
    """Else the test above would pass whatever is loaded."""
    assert loaded["a_client"] >= {"urllib3", "http.client"}
