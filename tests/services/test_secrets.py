"""A marked key goes through every kind of trouble, and is found nowhere afterwards.

Redis itself tells all that was ever written to broker, results and tickets.
"""

from __future__ import annotations

import base64
import gc
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
import redis

from phanedge_celery import enqueue_video, video_progress
from phanedge_celery.testing import FakePhanEdge, Fault, samples
from phanedge_celery.testing.samples import sample_named
from tests.faulty import Site
from tests.servers import RedisServer
from tests.stacks import QUICK
from tests.workers import ROOT, WorkerProcess, python_path

pytestmark = pytest.mark.timeout(300)

KEY: Final = "marked-4e1f9b7c2d-of-phanedge"
"""Without the usual `sk-`, by which any text of the vendor's is searched."""
SECRET: Final = "callback-secret-marked-9a51"
PROMPT: Final = "A cat marked-77c0ffee surfs"
SIGNATURE: Final = re.compile(r"Signature=[0-9a-f]{8}")

ECHOES: Final[Mapping[str, Fault]] = {
    "as a sentence": Fault(status=500, body=f"no such key: {KEY}"),
    "as an error": Fault(status=401, body={"error": {"message": f"bad key {KEY}"}}),
    "as an answer": Fault(
        status=200,
        body={"base_resp": {"status_code": 4242, "status_msg": f"{KEY} is unknown"}},
    ),
    "as a refusal": Fault(
        status=200,
        body={"base_resp": {"status_code": 1004, "status_msg": f"login fail: {KEY}"}},
    ),
    "as its request's id": Fault(
        status=503,
        body="",
        headers={"X-Oneapi-Request-Id": KEY, "Trace-Id": KEY},
    ),
    "as a way to go": Fault(location=f"https://example.com/{KEY}"),
    "before it hangs up": Fault(
        status=200, body=f'{{"task_id": "{KEY}', hang_up="close"
    ),
}
"""How a service may send the key back."""

OF_A_FILE: Final[Mapping[str, Fault]] = {
    "refused": Fault(status=403, body=f"<Error>{KEY}</Error>"),
    "cut": Fault(cut=0.5, hang_up="reset"),
    "of another length": Fault(length_off=7),
    "gone": Fault(status=404, body="no such file"),
}


@dataclass(kw_only=True)
class Affair:
    """Everything that was written or said while the jobs ran."""

    site: Site
    worker: WorkerProcess
    ids: list[str] = field(default_factory=list)
    written: list[tuple[int, str]] = field(default_factory=list)
    """Database, and one command with its arguments, base64 undone."""

    def to(self, url: str) -> str:
        number = int(url.rpartition("/")[2])
        return "\n".join(text for database, text in self.written if database == number)


class Monitor(threading.Thread):
    """Notes each command that a Redis carries out."""

    def __init__(self, server: RedisServer, written: list[tuple[int, str]]) -> None:
        super().__init__(daemon=True)
        self._client = redis.Redis(port=server.port)
        self._written = written
        self._lines = self._client.monitor().__enter__()  # type: ignore[no-untyped-call]

    def run(self) -> None:
        for line in self._lines.listen():
            self._written.append((line["db"], decoded(line["command"])))
            if "the end of it" in line["command"]:
                return

    def stop(self) -> None:
        self._client.ping()
        self._client.echo("the end of it")
        self.join(10)
        self._lines.__exit__(None, None, None)
        self._client.close()


def decoded(command: str) -> str:
    """Return a command with the bodies of its messages after it, as text."""
    bodies = re.findall(r'\\?"body\\?": \\?"([A-Za-z0-9+/=]+)', command)
    return "\n".join([command, *(base64.b64decode(body).decode() for body in bodies)])


@pytest.fixture(scope="module")
def affair(
    redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Affair]:
    databases, folder = redis_server.fresh(), tmp_path_factory.mktemp("secrets")
    (folder / "videos").mkdir()
    with FakePhanEdge() as fake:
        fake.options(keys=[KEY])
        site = Site(
            fake=fake,
            folder=folder,
            broker=databases.broker,
            backend=databases.backend,
            pace={**QUICK, "patience": 0.3},
            conf={
                "phanedge_api_key": KEY,
                "phanedge_callback_url": "https://example.com/videos",
                "phanedge_callback_secret": SECRET,
                "phanedge_storage": f"file://{folder}/videos",
                "phanedge_timeout": [2, 1],
                "phanedge_max_wait": 4,
            },
        )
        found = Affair(site=site, worker=site.worker(pool="threads", concurrency=10))
        monitor = Monitor(redis_server, found.written)
        monitor.start()
        with found.worker:
            found.ids += list(all_jobs(site))
            site.await_end(*found.ids, timeout=120)
            monitor.stop()
            yield found
        gc.collect()  # a result that goes once its server is gone takes its time


def all_jobs(site: Site) -> Iterator[str]:
    """Enqueue a job for each sample of each call, each echo, each broken file."""
    for name in samples():
        for on in sample_named(name).on:
            yield from spoilt(site, on, Fault(sample=name))
    for fault in ECHOES.values():
        for on in ("create", "query", "retrieve"):
            yield from spoilt(site, on, fault)
    for name, fault in OF_A_FILE.items():
        yield from spoilt(site, "file", fault, save_to=f"{name}.mp4")
    yield enqueue(site, request_for(site))


def spoilt(
    site: Site, on: str, fault: Fault, save_to: str | None = None
) -> Iterator[str]:
    """Enqueue one job, every call of which at *on* goes wrong in that way."""
    if on == "create":
        request = request_for(site)
        site.fake.fault(fault, on=on, prompt=request["prompt"], times=None)
        yield enqueue(site, request)
    elif on in ("query", "retrieve", "file"):
        job_id = site.fake.add_job("Success")
        site.fake.fault(fault, on=on, job=job_id, times=None)
        followed: Any = site.s("phanedge.poll_video", job_id, save_to=save_to)
        yield followed.apply_async().id


def request_for(site: Site) -> dict[str, Any]:
    asked = site.request("Success")
    prompt = f"{PROMPT}, {asked['prompt']}"
    site.fake.script("Success", prompt=prompt)
    return {**asked, "prompt": prompt}


def enqueue(site: Site, request: Mapping[str, Any]) -> str:
    return enqueue_video(request, app=site.app).id


def test_the_watcher_sees_what_is_written(affair: Affair) -> None:
    """Or else it would find nothing, whatever was there."""
    asked = affair.site.fake.log("query")

    assert PROMPT in affair.to(affair.site.broker)
    assert SIGNATURE.search(affair.to(affair.site.backend))
    assert "phanedge.waiting_out" in affair.worker.log()
    assert {entry.token for entry in asked} == {KEY}
    assert len(affair.ids) > 60


@pytest.mark.parametrize("secret", [KEY, SECRET])
def test_no_secret_is_ever_written(affair: Affair, secret: str) -> None:
    found = [text for _, text in affair.written if secret in text]

    assert found == []


@pytest.mark.parametrize("secret", [KEY, SECRET, PROMPT])
def test_no_secret_is_ever_logged(affair: Affair, secret: str) -> None:
    assert secret not in affair.worker.log()


def test_a_signed_url_is_in_results_alone(affair: Affair) -> None:
    rows = [affair.site.ticket(id) for id in affair.ids]

    assert not SIGNATURE.search(affair.worker.log())
    assert not SIGNATURE.search(affair.to(affair.site.broker))
    assert not [row for row in rows if SIGNATURE.search(repr(row))]


def test_no_secret_is_shown_to_who_looks(affair: Affair) -> None:
    app = affair.site.app
    shown = json.dumps(
        [app.backend.get_task_meta(id)["traceback"] for id in affair.ids]
    )
    shown += json.dumps([video_progress(id, app=app) for id in affair.ids])

    for secret in (KEY, SECRET):
        assert secret not in shown


def test_celery_report_shows_no_secret(affair: Affair) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "celery", "-A", "tests.apps.plain", "report"],
        env={**affair.site.env, "PYTHONPATH": python_path(), "PATH": ""},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert "phanedge_api_key" in done.stdout, done.stderr
    assert KEY not in done.stdout + done.stderr
    assert SECRET not in done.stdout + done.stderr
