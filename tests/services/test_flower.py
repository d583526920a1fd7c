"""What `celery events` and Flower show of a job: one task that works, then an end."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen
from uuid import uuid4

import pytest
from celery import Celery
from celery.events.state import State

from phanedge_celery import cancel_video, enqueue_video
from phanedge_celery.testing import FakePhanEdge, Timeline
from phanedge_celery.tickets import Stage, store_for
from tests.apps.plain import environment
from tests.processes import Child
from tests.servers import RedisServer, free_port
from tests.stacks import QUICK, producer
from tests.workers import WorkerProcess, python_path, wait_for


class Shown:
    """A site whose worker sends events, with all who look at them."""

    def __init__(self, app: Celery, fake: FakePhanEdge, flower: str) -> None:
        self.app, self.fake, self._flower = app, fake, flower
        self.state: Any = State()
        self.events: list[dict[str, Any]] = []

    def enqueue(self, *steps: Any) -> str:
        prompt = f"A cat, {uuid4().hex[:8]}."
        self.fake.script(*steps, prompt=prompt)
        request = {"model": "MiniMax-Hailuo-02", "prompt": prompt}
        return enqueue_video(request, app=self.app).id

    def await_stage(self, id: str, stage: Stage) -> None:
        def there() -> bool:
            ticket = store_for(self.app).read(id)
            return ticket is not None and ticket.stage is stage

        wait_for(there, 40, what=lambda: f"{store_for(self.app).read(id)}")

    def take(self, event: dict[str, Any]) -> None:
        self.events.append(event)
        self.state.event(event)

    def types(self, id: str) -> list[str]:
        """Return what events came about a job, in their order."""
        return [event["type"] for event in self.events if event.get("uuid") == id]

    def in_flower(self, id: str) -> dict[str, Any]:
        """Return what Flower's API says of a task, nothing while it knows none."""
        try:
            with urlopen(f"{self._flower}/api/task/info/{id}", timeout=10) as reply:
                shown: dict[str, Any] = json.load(reply)
        except (HTTPError, URLError):
            return {}
        return shown

    def await_in_flower(self, id: str, state: str) -> dict[str, Any]:
        wait_for(
            lambda: self.in_flower(id).get("state") == state,
            30,
            what=lambda: f"{state}: {self.in_flower(id)}",
        )
        return self.in_flower(id)


@contextmanager
def listening(site: Shown) -> Iterator[None]:
    """Let *site* take what comes, as `celery events` does."""
    with site.app.connection_for_read() as connection:
        receiver: Any = site.app.events.Receiver(connection, handlers={"*": site.take})
        thread = threading.Thread(target=receiver.capture, daemon=True)
        thread.start()
        try:
            yield
        finally:
            receiver.should_stop = True
            thread.join(10)


@pytest.fixture(scope="module")
def site(
    redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shown]:
    databases, port = redis_server.fresh(), free_port()
    folder = tmp_path_factory.mktemp("flower")
    with FakePhanEdge() as fake:
        env = environment(
            broker=databases.broker,
            backend=databases.backend,
            base_url=fake.url,
            schedule=QUICK,
            phanedge_api_key=fake.key,
        )
        with producer(env) as app, flower(env, port, folder) as url:
            shown = Shown(app, fake, url)
            with listening(shown), WorkerProcess(env, options=["-E"]):
                yield shown


@contextmanager
def flower(env: dict[str, str], port: int, folder: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "celery", "-A", "tests.apps.plain", "flower"]
    given = {"PYTHONPATH": python_path(), "FLOWER_UNAUTHENTICATED_API": "true"}
    child = Child(
        [*command, "--address=127.0.0.1", f"--port={port}"],
        folder / "flower.log",
        env=env | given,
        cwd=folder,
    )
    child.start()
    try:
        child.wait_for_log("Connected to", timeout=60)
        yield f"http://127.0.0.1:{port}"
    finally:
        child.kill()


def test_a_job_that_waits_is_at_work_and_one_that_is_done_has_succeeded(
    site: Shown,
) -> None:
    waiting = site.enqueue(Timeline.seconds(processing=600))
    id = site.enqueue("Queueing", "Processing", "Processing", "Success")
    site.await_stage(id, Stage.DONE)
    site.await_stage(waiting, Stage.POLLING)
    done, working = (
        site.await_in_flower(id, "SUCCESS"),
        site.await_in_flower(waiting, "STARTED"),
    )
    cancel_video(waiting, app=site.app)

    assert done["name"] == "phanedge.retrieve_file"
    assert (done["retries"], done["exception"], done["failed"]) == (0, None, None)
    assert "download" not in done["result"]
    assert "http" not in done["result"]
    assert working["name"] == "phanedge.poll_video"
    assert (working["failed"], working["retried"]) == (None, None)
    types = site.types(id)
    assert types.count("task-succeeded") == 1
    assert types[-1] == "task-succeeded"
    assert set(types) == {"task-received", "task-started", "task-succeeded"}
    assert site.state.tasks[id].state == "SUCCESS"


def test_a_job_that_failed_has_failed_once_with_its_error(site: Shown) -> None:
    id = site.enqueue("Processing", "Processing", "Fail")
    site.await_stage(id, Stage.FAILED)
    failed = site.await_in_flower(id, "FAILURE")

    assert failed["exception"].startswith("JobFailed(")
    wait_for(lambda: site.types(id).count("task-failed") == 1)
    assert set(site.types(id)) == {"task-received", "task-started", "task-failed"}


def test_a_cancelled_job_is_revoked_and_has_not_failed(site: Shown) -> None:
    id = site.enqueue(Timeline.seconds(processing=600))
    site.await_stage(id, Stage.POLLING)
    cancel_video(id, app=site.app)
    cancelled = site.await_in_flower(id, "REVOKED")

    assert (cancelled["failed"], cancelled["exception"]) == (None, None)
    # Parent and child of the pool tell these, so they come in any order.
    all_of_it = {"task-received", "task-started", "task-revoked"}
    wait_for(lambda: set(site.types(id)) == all_of_it, what=f"{all_of_it}")
    assert site.await_in_flower(id, "REVOKED")["exception"] is None
