"""The loops of others, as tasks, each as it was published.

| task | written after |
|---|---|
| `bench.sample` | the sample of MiniMax's guide "Video Generation" (platform.minimax.io, docs/guides/video-generation, read in 2026-11): create, then `while True`: sleep 10 s, query, raise for an HTTP error, stop at `Success` or `Fail`; then retrieve |
| `bench.submit`, `bench.poll` | what Celery's manual shows for waiting ("Retrying", "Automatic retry for known exceptions", Celery 5.6): a chain of two tasks, each retried for errors of `requests`; `self.retry(countdown=10)` while the job runs |
| `bench.mcp` | `generate_video` of MiniMax-MCP (MiniMax-AI/MiniMax-MCP, `2910d66`, 2026-05): every answer with a `base_resp` other than 0 is an error; 30 queries, 20 s between two; errors are told as text |

Only their waiting is rebuilt: who asks what, when, and what each does with an answer. All
seconds are divided by `PHANEDGE_BENCH_FACTOR`, those of our schedule too. Each task ends
with the file's description, ours as well; nobody downloads.
"""  # noqa: E501 -- a table

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, Final, cast

import requests
from celery import Task, signals

from tests.apps.watched import app

FACTOR: Final = float(os.environ.get("PHANEDGE_BENCH_FACTOR", "1"))
SLOTS: Final = "PHANEDGE_BENCH_SLOTS"
"""The file in which it is written down how long each run held a slot."""
TIMEOUT: Final = 30


class MinimaxError(Exception):
    """As the two published loops raise it: one class, a text."""


def _call(method: str, path: str, **more: Any) -> requests.Response:
    return requests.request(
        method,
        f"{app.conf.phanedge_base_url}/minimaxi/v1/{path}",
        headers={"Authorization": f"Bearer {app.conf.phanedge_api_key}"},
        timeout=TIMEOUT,
        **more,
    )


def _sleep(seconds: float) -> None:
    time.sleep(seconds / FACTOR)


@app.task(name="bench.sample")
def sample(request: dict[str, Any]) -> Any:
    response = _call("POST", "video_generation", json=request)
    response.raise_for_status()
    task_id = response.json()["task_id"]
    return _described(_sample_query(task_id))


def _sample_query(task_id: str) -> str:
    while True:
        _sleep(10)
        response = _call("GET", "query/video_generation", params={"task_id": task_id})
        response.raise_for_status()
        answer = response.json()
        if answer["status"] == "Success":
            return cast("str", answer["file_id"])
        if answer["status"] == "Fail":
            text = answer.get("error_message", "Unknown error")
            raise MinimaxError(f"Video generation failed: {text}")


def _described(file_id: str) -> Any:
    response = _call("GET", "files/retrieve", params={"file_id": file_id})
    response.raise_for_status()
    return response.json()["file"]


RETRIED: Final[dict[str, Any]] = {
    "autoretry_for": (requests.RequestException,),
    "retry_backoff": True,
    "max_retries": 180,
}


@app.task(name="bench.submit", **RETRIED)
def submit(request: dict[str, Any]) -> str:
    response = _call("POST", "video_generation", json=request)
    response.raise_for_status()
    return cast("str", response.json()["task_id"])


@app.task(bind=True, name="bench.poll", **RETRIED)
def poll(self: Task[Any, Any], task_id: str) -> Any:
    response = _call("GET", "query/video_generation", params={"task_id": task_id})
    response.raise_for_status()
    answer = response.json()
    if answer.get("status") == "Success":
        return _described(answer["file_id"])
    if answer.get("status") == "Fail":
        raise MinimaxError("Video generation failed")
    raise self.retry(countdown=10 / FACTOR)


@app.task(name="bench.mcp")
def mcp(request: dict[str, Any]) -> Any:
    try:
        task_id = _checked("POST", "video_generation", json=request).get("task_id")
        if not task_id:
            raise MinimaxError("Failed to get task_id from response")
        file_id = _mcp_query(task_id)
        return _checked("GET", "files/retrieve", params={"file_id": file_id})["file"]
    except (MinimaxError, requests.RequestException, OSError) as error:
        return f"Failed to generate video: {error}"


def _mcp_query(task_id: str) -> Any:
    for _ in range(30):
        answer = _checked("GET", "query/video_generation", params={"task_id": task_id})
        if answer.get("status") == "Fail":
            raise MinimaxError(f"Video generation failed for task_id: {task_id}")
        if answer.get("status") == "Success":
            return answer["file_id"]
        _sleep(20)
    raise MinimaxError(f"Failed to get file_id for task_id: {task_id}")


def _checked(method: str, path: str, **more: Any) -> dict[str, Any]:
    response = _call(method, path, **more)
    response.raise_for_status()
    answer: dict[str, Any] = response.json()
    told = answer.get("base_resp", {})
    if told.get("status_code") != 0:
        raise MinimaxError(f"{told.get('status_code')}-{told.get('status_msg')}")
    return answer


_begun: dict[str, float] = {}


@signals.task_prerun.connect(weak=False)
def _begin(task_id: str, **_: Any) -> None:
    _begun[task_id] = time.monotonic()


@signals.task_postrun.connect(weak=False)
def _end(task_id: str, **_: Any) -> None:
    if SLOTS in os.environ and task_id in _begun:
        held = time.monotonic() - _begun.pop(task_id)
        with Path(os.environ[SLOTS]).open("a") as file:
            file.write(f"{held!r}\n")
