"""The app whose workers are measured: beside our tasks, those to compare them with.

| task | |
|---|---|
| `bench.nothing` | a task that does nothing |
| `bench.retry` | nothing but `self.retry(countdown=1)`: the floor |
| `bench.quiet` | the same with `ignore_result=True`, so that nothing is stored |
| `bench.naive` | the loop a user would write: ask, `update_state`, `self.retry` |
| `bench.stamp` | writes down when it ran, for who waits for an unrelated task |

`PHANEDGE_BENCH_RUNS` names a file in which runs are counted, one slot a process.
"""

from __future__ import annotations

import mmap
import os
import struct
import time
from pathlib import Path
from typing import Any, Final

import requests
from celery.signals import worker_ready

from tests.apps.watched import app

RUNS: Final = "PHANEDGE_BENCH_RUNS"
SLOTS: Final = 1024
_SLOT: Final = struct.Struct("q")


class Runs:
    """A count that several processes keep together, and one reads."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(SLOTS * _SLOT.size))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 0)

    def add(self) -> None:
        at = os.getpid() % SLOTS * _SLOT.size
        _SLOT.pack_into(self._map, at, _SLOT.unpack_from(self._map, at)[0] + 1)

    def total(self) -> int:
        return sum(slot for (slot,) in _SLOT.iter_unpack(self._map[:]))


runs = Runs(Path(os.environ[RUNS])) if RUNS in os.environ else None


def count() -> None:
    if runs is not None:
        runs.add()


@worker_ready.connect(weak=False)
def _say_ready(**_: Any) -> None:
    # At the level of warnings nobody else says so, and lines cost CPU.
    print("bench is ready.", flush=True)


@app.task(name="bench.nothing")
def nothing() -> None:
    count()


@app.task(bind=True, name="bench.retry", max_retries=None)
def retry(self: Any) -> None:
    count()
    raise self.retry(countdown=1)


@app.task(bind=True, name="bench.quiet", max_retries=None, ignore_result=True)
def quiet(self: Any) -> None:
    count()
    raise self.retry(countdown=1)


@app.task(bind=True, name="bench.naive", max_retries=None)
def naive(self: Any, job_id: str, countdown: float = 1) -> Any:
    count()
    response = requests.get(
        f"{app.conf.phanedge_base_url}/minimaxi/v1/query/video_generation",
        params={"task_id": job_id},
        headers={"Authorization": f"Bearer {app.conf.phanedge_api_key}"},
        timeout=30,
    )
    response.raise_for_status()
    answer = response.json()
    if answer["status"] == "Success":
        return answer["file_id"]
    if answer["status"] == "Fail":
        raise RuntimeError(answer["base_resp"]["status_msg"])
    self.update_state(state="PROGRESS", meta={"status": answer["status"]})
    raise self.retry(countdown=countdown)


@app.task(name="bench.stamp", ignore_result=True)
def stamp(path: str) -> None:
    Path(path).write_text(repr(time.time()))
