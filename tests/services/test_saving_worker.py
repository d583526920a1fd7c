"""Saving in a real worker: watched, killed in the middle, cancelled, doubled."""

from __future__ import annotations

import gc
import json
import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from celery import Celery, states

from phanedge_celery import cancel_video, enqueue_video, video_progress
from phanedge_celery.testing import FakePhanEdge, Fault
from phanedge_celery.tickets import store_for
from tests.apps.plain import environment, make_app, recorded
from tests.processes import wait_for
from tests.servers import RedisServer
from tests.stacks import WATCH
from tests.workers import WorkerProcess

SIZE = 3_000_000
PIECES = 40

SCHEDULE = {
    "first": 0,
    "every": 0.05,
    "jitter": 0,
    "retry_first": 0.05,
    "retry_max": 0.1,
}


@dataclass(kw_only=True)
class Site:
    """A worker with its fake and a folder of saved files."""

    app: Celery
    fake: FakePhanEdge
    worker: WorkerProcess
    root: Path
    record: Path

    def save(self, save_to: str, **options: Any) -> str:
        """Have the file of the fake's last job saved; return the Celery id."""
        known = {"job_id": self.fake.job_id, "file_id": self.fake.file_id}
        task = self.app.tasks["phanedge.save_file"]
        return str(task.apply_async((known, save_to), **options).id)

    def progress(self, id: str) -> dict[str, Any]:
        return video_progress(id, app=self.app)

    def files(self) -> list[str]:
        """Return every file below the root, temporary ones too."""
        found = (p for p in self.root.rglob("*") if p.is_file())
        return sorted(str(p.relative_to(self.root)) for p in found)

    def drip(self, seconds: float, size: int = SIZE) -> None:
        """Make the file come in pieces, all of them over so many seconds."""
        self.fake.files(size=size)
        fault = Fault(drip=(size // PIECES, seconds / PIECES))
        self.fake.fault(fault, on="file", times=None)

    def requests(self) -> int:
        return self.fake.counts.get("file", 0)


@pytest.fixture(scope="module", params=["messages", "watch"])
def started(
    request: pytest.FixtureRequest,
    redis_server: RedisServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("saving")
    servers = redis_server.fresh()
    with FakePhanEdge() as fake:
        env = environment(
            broker=servers.broker,
            backend=servers.backend,
            base_url=fake.url,
            schedule=SCHEDULE,
            record=folder / "record",
            phanedge_api_key=fake.key,
            phanedge_storage=f"file://{folder}/kept",
            phanedge_watch_polls=request.param == "watch",
        ) | {"PHANEDGE_TEST_WATCH": json.dumps(WATCH)}
        with (
            WorkerProcess(env, module="tests.apps.watched", concurrency=2) as worker,
            make_app(env) as app,
        ):
            yield Site(
                app=app,
                fake=fake,
                worker=worker,
                root=folder / "kept",
                record=folder / "record",
            )
            # A forgotten result unsubscribes, which no server would answer any more.
            gc.collect()


@pytest.fixture
def site(started: Site) -> Site:
    started.fake.reset()
    started.fake.files(size=SIZE)
    return started


@pytest.fixture
def name() -> str:
    return f"{uuid4().hex}/video.mp4"


def test_a_saving_shows_its_bytes_at_most_twice_a_second(site: Site, name: str) -> None:
    site.drip(3)
    begun = time.monotonic()
    seen: list[dict[str, Any]] = []

    id = site.save(name)
    while (shown := site.progress(id))["stage"] != "done":
        assert time.monotonic() - begun < 30, shown
        seen.append(shown)
        time.sleep(0.05)
    took = time.monotonic() - begun

    told = [s["bytes_done"] for s in seen if s["bytes_total"] == SIZE]
    assert {s["stage"] for s in seen if s["stage"]} <= {"saving", "ending"}
    assert told == sorted(told)
    assert 3 <= len(set(told)) <= 2 * took + 2
    assert not any(s["overdue"] for s in seen)
    assert shown["video"]["saved_to"] == name
    assert shown["video"]["sha256"] == site.fake.sha256()


def test_a_saving_killed_at_ten_points_ends_in_the_whole_file(
    site: Site, name: str
) -> None:
    # Slow enough for ten lives, which together read it about once.
    site.drip(5, size=8 * SIZE)
    dice = random.Random(42)
    id = site.save(name, link=record(site, "once"))

    for kills in range(10):
        wait_for(lambda n=kills: site.requests() > n, 30, what=site.worker.log)  # type: ignore[misc]
        time.sleep(dice.uniform(0, 0.5))
        for child in site.worker.children():
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
    site.fake.clear_faults()
    shown = ended(site, id)

    assert shown["state"] == states.SUCCESS
    assert shown["video"]["sha256"] == site.fake.sha256()
    assert site.files().count(name) == 1
    assert not [f for f in site.files() if ".phanedge" in f]
    resumed = [r for r in site.fake.log("file") if "range" in r.headers]
    assert len(resumed) >= 4
    assert len(recorded(site.record, "once")) == 1


def test_a_saving_that_is_cancelled_stops_and_leaves_nothing(
    site: Site, name: str
) -> None:
    site.drip(20)
    id = site.save(name)
    wait_for(lambda: site.requests() == 1, 20)

    told = cancel_video(id, app=site.app)

    assert told["stopped"] == "following"
    folder = name.partition("/")[0]
    wait_for(lambda: not any(file.startswith(folder) for file in site.files()), 20)
    assert ended(site, id)["state"] == states.REVOKED


def test_a_message_that_comes_twice_at_once_saves_once(site: Site, name: str) -> None:
    site.drip(1)
    id = str(uuid4())

    for _ in range(3):
        site.save(name, task_id=id, link=record(site, id))
    shown = ended(site, id)

    assert shown["state"] == states.SUCCESS
    assert site.requests() == 1
    assert len(recorded(site.record, id)) == 1


def test_a_job_from_submit_to_the_kept_file_has_one_id(site: Site, name: str) -> None:
    site.fake.fault(Fault(cut=0.5), on="file")
    request = {"model": "MiniMax-Hailuo-02", "prompt": "A cat surfs."}

    result = enqueue_video(request, save_to="{job_id}/x.mp4", app=site.app)
    video = ended(site, result.id)["video"]

    assert video["saved_to"] == f"{site.fake.job_id}/x.mp4"
    assert video["bytes"] == SIZE
    assert video["download_url"]
    ticket = store_for(site.app).read(result.id)
    assert "Signature=" not in str(ticket)


def test_a_kept_file_goes_on_through_a_chain(site: Site, name: str) -> None:
    retrieve = site.app.tasks["phanedge.retrieve_file"]
    save = site.app.tasks["phanedge.save_file"]
    other = site.app.tasks["tests.other"]
    ids = site.fake.file_id, site.fake.job_id

    node = retrieve.s(ids[0], job_id=ids[1]) | save.s(name) | other.s()
    last = node.apply_async()
    wait_for(last.ready, 30, what=site.worker.log)
    result: Any = last.result
    seen = result["seen"]

    assert seen["saved_to"] == name
    assert seen["sha256"] == site.fake.sha256()


def record(site: Site, label: str) -> Any:
    return site.app.tasks["tests.record"].si(label=label)


def ended(site: Site, id: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        shown = site.progress(id)
        return shown if shown["stage"] in ("done", "failed", "cancelled") else None

    return wait_for(look, 60, what=site.worker.log) or {}
