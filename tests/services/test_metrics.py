"""What Prometheus sees of a worker that makes videos."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest
from celery import Celery
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from phanedge_celery import cancel_video, enqueue_video
from phanedge_celery.contrib.prometheus.measures import detection_delay
from phanedge_celery.contrib.prometheus.models import OTHER, UNKNOWN, Models
from phanedge_celery.contrib.prometheus.waiting import Waiting
from phanedge_celery.testing import FakePhanEdge, Timeline
from phanedge_celery.tickets import Stage, Ticket, store_for
from tests.apps.plain import environment
from tests.docs.pages import coded, table
from tests.scrapes import Page
from tests.servers import RedisServer, free_port
from tests.stacks import QUICK, producer, ticket_in
from tests.workers import WorkerProcess, wait_for

MODEL: Final = "MiniMax-Hailuo-02"
WATCH: Final = '{"period": 1, "polls_every": 0.5, "turn": 0.5, "grace": 15}'
LONG: Final = Timeline.seconds(processing=600)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A fake, a Redis, and what a worker needs to know of both."""

    app: Celery
    fake: FakePhanEdge
    env: dict[str, str]
    page: Page

    def worker(self, pool: str = "prefork", **env: str) -> WorkerProcess:
        return WorkerProcess(
            self.env | env, module="tests.apps.watched", pool=pool, concurrency=2
        )

    def enqueue(self, *steps: Any, **options: Any) -> str:
        prompt = f"A cat, {uuid4().hex[:8]}."
        if steps:
            self.fake.script(*steps, prompt=prompt)
        request = {"model": MODEL, "prompt": prompt}
        return enqueue_video(request, app=self.app, **options).id

    def cancel(self, *ids: str) -> None:
        """Cancel jobs, and wait until that is counted."""
        name = "phanedge_jobs_ended_total{cancelled}"
        least = self.page.value(name) + len(ids)
        for id in ids:
            cancel_video(id, app=self.app)
        self.page.await_value(name, least)


@contextmanager
def measured(server: RedisServer, folder: Path, **conf: Any) -> Iterator[Measured]:
    databases, port = server.fresh(), free_port()
    with FakePhanEdge() as fake:
        env = environment(
            broker=databases.broker,
            backend=databases.backend,
            base_url=fake.url,
            schedule=QUICK,
            phanedge_api_key=fake.key,
            phanedge_storage=folder.as_uri(),
            **conf,
        )
        env |= {"PHANEDGE_TEST_WATCH": WATCH, "PHANEDGE_METRICS": f"127.0.0.1:{port}"}
        with producer(env) as app:
            yield Measured(app=app, fake=fake, env=env, page=Page(port))


@pytest.fixture(scope="module", params=["messages", "watch"])
def running(
    request: pytest.FixtureRequest,
    redis_server: RedisServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Measured, WorkerProcess]]:
    folder = tmp_path_factory.mktemp("videos")
    watches = request.param == "watch"
    with (
        measured(redis_server, folder, phanedge_watch_polls=watches) as made,
        made.worker() as worker,
    ):
        yield made, worker


def test_a_job_is_counted_from_submit_to_file(
    running: tuple[Measured, WorkerProcess],
) -> None:
    site, _ = running
    before = site.page.samples()
    steps = ("Queueing", "Processing", "Success")
    id = site.enqueue(*steps, save_to=f"{uuid4().hex}.mp4")
    ticket_in(site.app, id, Stage.DONE)
    site.page.await_value(
        "phanedge_jobs_ended_total{succeeded}",
        before.get("phanedge_jobs_ended_total{succeeded}", 0) + 1,
    )

    after = site.page.samples()
    grown = {name: after[name] - before.get(name, 0) for name in after}
    assert grown[f"phanedge_jobs_submitted_total{{{MODEL}}}"] == 1
    assert grown["phanedge_jobs_ended_total{succeeded}"] == 1
    assert grown["phanedge_polls_total{running}"] == 2
    assert grown["phanedge_polls_total{succeeded}"] >= 1
    assert grown["phanedge_poll_duration_seconds_count"] >= 3
    assert grown[f"phanedge_job_duration_seconds_count{{{MODEL}}}"] == 1
    assert grown["phanedge_detection_delay_seconds_count"] == 1
    assert grown["phanedge_files_saved_total"] == 1
    assert grown["phanedge_saved_bytes_total"] > 1000


def test_an_end_is_counted_by_its_error(
    running: tuple[Measured, WorkerProcess],
) -> None:
    site, _ = running
    before = site.page.samples()
    ticket_in(site.app, site.enqueue("Processing", "Fail"), Stage.FAILED)
    waiting = site.enqueue(LONG)
    ticket_in(site.app, waiting, Stage.POLLING)
    site.cancel(waiting)

    for outcome in ("JobFailed", "cancelled"):
        name = f"phanedge_jobs_ended_total{{{outcome}}}"
        least = before.get(name, 0) + 1
        assert site.page.await_value(name, least) == least
    assert site.page.value("phanedge_polls_total{failed}") >= 1


def test_what_waits_is_shown_by_stage(
    running: tuple[Measured, WorkerProcess],
) -> None:
    site, _ = running
    stuck = Ticket(id=str(uuid4()), since=time.time(), stage=Stage.SAVING, next_at=1)
    store_for(site.app).create(stuck)
    waiting = [site.enqueue(LONG) for _ in range(3)]
    for id in waiting:
        ticket_in(site.app, id, Stage.POLLING)

    def punctual() -> dict[str, float] | None:
        # A watch whose process was killed comes back after a lease.
        shown = site.page.samples()
        return None if shown["phanedge_jobs_overdue{polling}"] else shown

    found = wait_for(punctual, 60, every=0.5) or {}
    site.cancel(*waiting)
    assert found["phanedge_jobs{polling}"] >= 3
    assert found["phanedge_jobs{saving}"] >= 1
    assert found["phanedge_jobs{retrieving}"] == 0
    assert found["phanedge_ticket_store_up"] == 1


def test_a_process_that_takes_a_dead_ones_place_goes_on_with_its_numbers(
    running: tuple[Measured, WorkerProcess],
) -> None:
    site, worker = running
    submitted = f"phanedge_jobs_submitted_total{{{MODEL}}}"
    for _ in range(2):
        ticket_in(site.app, site.enqueue("Success"), Stage.DONE)
        before = site.page.await_value(submitted, 1)
        replace_a_child(worker)
        ticket_in(site.app, site.enqueue("Success"), Stage.DONE)

        assert site.page.await_value(submitted, before + 1) == before + 1
    assert {file.stem for file in folder_of(worker).glob("counter_*")} <= {
        "counter_main",
        "counter_0",
        "counter_1",
    }


def replace_a_child(worker: WorkerProcess) -> None:
    killed = worker.kill_child()

    def replaced() -> bool:
        children = worker.children()
        return killed not in children and len(children) == 2

    wait_for(replaced, 30)


def folder_of(worker: WorkerProcess) -> Path:
    """Return the folder into which a worker's processes count."""
    maps = Path(f"/proc/{worker.pid}/maps").read_text()
    found = next(line for line in maps.splitlines() if "phanedge-metrics-" in line)
    return Path(found.split(maxsplit=5)[-1]).parent


def test_workers_that_share_a_folder_share_a_page_and_leave_the_folder_alone(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    counts = tmp_path / "counts"
    counts.mkdir()
    shared = {"PROMETHEUS_MULTIPROC_DIR": str(counts)}
    with (
        measured(redis_server, tmp_path) as site,
        site.worker("solo", **shared) as first,
        site.worker("solo", **shared) as second,
    ):
        page = site.page.text()
        second.wait_for_log("phanedge.metrics_unserved at 127.0.0.1:")
        first.term()
        ticket_in(site.app, site.enqueue("Success"), Stage.DONE)
        pids = (first.pid, second.pid)

    assert "phanedge_jobs" in page
    assert {f"counter_{pid}.db" for pid in pids} <= {f.name for f in counts.iterdir()}


def test_our_own_folder_goes_with_the_worker(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    with measured(redis_server, tmp_path) as site, site.worker("solo") as worker:
        site.page.text()
        folder = folder_of(worker)
        assert folder.is_dir()
        worker.term()

    assert not folder.exists()


def test_what_is_late_is_shown_as_overdue() -> None:
    app = Celery("late", backend="cache+memory://")
    app.conf.phanedge_tickets = f"memory://{uuid4().hex}"
    for due in (1.0, 2.0, time.time() + 60):
        ticket = Ticket(
            id=str(uuid4()), since=time.time(), stage=Stage.SAVING, next_at=due
        )
        store_for(app).create(ticket)

    shown = {
        (sample.name, sample.labels.get("stage")): sample.value
        for family in Waiting(app).collect()
        for sample in family.samples
    }

    assert shown["phanedge_jobs", "saving"] == 3
    assert shown["phanedge_jobs_overdue", "saving"] == 2
    assert shown["phanedge_jobs_overdue", "polling"] == 0


def test_a_store_that_is_away_is_said_to_be() -> None:
    app = Celery("away", backend=f"redis://127.0.0.1:{free_port()}/0")

    (family,) = Waiting(app).collect()

    assert family.name == "phanedge_ticket_store_up"
    assert [sample.value for sample in family.samples] == [0]


BEGUN = 1_764_000_000.0


@pytest.mark.parametrize(
    ("created", "delay"),
    [
        ("2025-11-24T16:00:30+00:00", 10),
        ("2025-11-24T16:00:30Z", 10),
        ("2025-11-24T15:59:58+00:00", 42),
        ("2025-11-24T15:59:57+00:00", None),
        ("2025-11-24T16:00:41+00:00", None),
        (None, None),
    ],
)
def test_the_delay_counts_from_a_files_creation_if_it_lies_within_the_job(
    created: str | None, delay: float | None
) -> None:
    ticket = Ticket(id="a", since=0, submitted_at=BEGUN, ended_at=BEGUN + 40)

    assert detection_delay(ticket, {"created_at": created}) == delay


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.text(max_size=100), max_size=60))
def test_whatever_models_users_name_the_labels_are_bounded(names: list[str]) -> None:
    models = Models(most=5)

    labels = {models.label(name) for name in names}

    assert len(labels - {OTHER, UNKNOWN}) <= 5
    assert all(len(label) <= 64 for label in labels)
    assert all(models.label(name) in labels for name in names)


def test_the_documentation_names_what_is_served(
    running: tuple[Measured, WorkerProcess],
) -> None:
    site, _ = running
    site.enqueue("Success", save_to=f"{uuid4().hex}.mp4")
    site.page.await_value("phanedge_files_saved_total", 1)
    page = site.page.text()
    served = re.findall(r"^# TYPE (phanedge_\w+) ", page, re.MULTILINE)

    documented = [coded(row[0])[0] for row in table("monitoring.md", "metric")]
    assert sorted(documented) == sorted(served)


def test_nothing_of_prometheus_is_imported_unless_asked_for() -> None:
    program = (
        "import sys, phanedge_celery.tasks, phanedge_celery.watch;"
        "assert 'prometheus_client' not in sys.modules"
    )

    subprocess.run([sys.executable, "-c", program], check=True)
