"""Waiting at scale: no message waits, the watch asks, and each job ends as ever."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest
import redis
from celery import Celery, chain, chord, signature
from celery.canvas import Signature

from phanedge_celery import (
    JobFailed,
    JobTimedOut,
    cancel_video,
    enqueue_video,
    follow_video,
    resume_video,
    video_progress,
)
from phanedge_celery.testing import FakePhanEdge, Fault, Timeline
from phanedge_celery.tickets import Stage, Ticket, store_for
from tests.apps.plain import environment, recorded
from tests.faulty import ASKING
from tests.servers import RedisServer
from tests.stacks import producer
from tests.workers import WorkerProcess, wait_for

EVERY: Final = 0.5
PACE: Final = {"first": EVERY, "every": EVERY, "jitter": 0, "retry_first": 0.2}
SOON: Final = Timeline.seconds(queueing=1, processing=1.5)


@dataclass(frozen=True, kw_only=True)
class Site:
    """A fake, a broker with results and tickets, and workers as they are asked for."""

    fake: FakePhanEdge
    broker: str
    backend: str
    folder: Path
    app: Celery
    conf: Mapping[str, Any]

    def worker(
        self,
        pool: str = "prefork",
        *,
        watches: bool = True,
        grace: float = ASKING["grace"],
        **conf: Any,
    ) -> WorkerProcess:
        """Return a worker, not yet started; it may be of another mind about waiting.

        A *grace* shorter than the queue is long makes messages of jobs that have some.
        """
        env = self.env(phanedge_watch_polls=watches, **conf)
        return WorkerProcess(
            env | {"PHANEDGE_TEST_WATCH": json.dumps({**ASKING, "grace": grace})},
            module="tests.apps.watched",
            pool=pool,
            concurrency=1 if pool == "solo" else 2,
        )

    def env(self, **conf: Any) -> dict[str, str]:
        return environment(
            broker=self.broker,
            backend=self.backend,
            base_url=self.fake.url,
            schedule=PACE,
            record=self.folder / "record",
            **{"phanedge_api_key": self.fake.key, **self.conf, **conf},
        )

    def enqueue(
        self, many: int, timeline: Timeline = SOON, **options: Any
    ) -> list[str]:
        prompt = f"A cat, {uuid4().hex[:8]}."
        self.fake.script(timeline, prompt=prompt)
        request = {"model": "MiniMax-Hailuo-02", "prompt": prompt}
        return [enqueue_video(request, app=self.app, **options).id for _ in range(many)]

    def s(self, name: str, *args: Any, **kwargs: Any) -> Signature:
        return signature(name, args, kwargs, app=self.app)

    def ticket(self, id: str) -> Ticket:
        ticket = store_for(self.app).read(id)
        assert ticket is not None
        return ticket

    def await_stage(
        self, ids: Sequence[str], *stages: Stage, timeout: float = 90
    ) -> None:
        left = list(ids)

        def all_there() -> bool:
            while left and self.ticket(left[-1]).stage in stages:
                left.pop()
            return not left

        wait_for(all_there, timeout, every=0.1, what=lambda: f"{self.ticket(left[-1])}")

    def await_success(self, ids: Sequence[str], timeout: float = 120) -> None:
        self.await_stage(ids, Stage.DONE, Stage.FAILED, timeout=timeout)
        assert {self.ticket(id).stage for id in ids} == {Stage.DONE}
        assert {video_progress(id, app=self.app)["overdue"] for id in ids} == {False}

    def posts(self) -> int:
        return len(self.fake.log("create"))

    def queries(self) -> dict[str, list[float]]:
        """Return when each job was asked for."""
        asked: dict[str, list[float]] = {}
        for entry in self.fake.log("query"):
            asked.setdefault(str(entry.job_id), []).append(entry.at)
        return asked


@contextmanager
def site_at(broker: str, backend: str, folder: Path, **conf: Any) -> Iterator[Site]:
    with FakePhanEdge() as fake:
        bare = environment(broker=broker, backend=backend, base_url=fake.url)
        with producer(bare) as app:
            app.conf.update(phanedge_watch_polls=True, **conf)
            yield Site(
                fake=fake,
                broker=broker,
                backend=backend,
                folder=folder,
                app=app,
                conf=conf,
            )


@pytest.fixture
def site(redis_server: RedisServer, tmp_path: Path) -> Iterator[Site]:
    databases = redis_server.fresh()
    with site_at(databases.broker, databases.backend, tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def busy(
    redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """A site whose worker runs already, for all tests that can share one."""
    folder, databases = tmp_path_factory.mktemp("busy"), redis_server.fresh()
    storage = {"phanedge_storage": f"file://{folder}/videos"}
    with (
        site_at(databases.broker, databases.backend, folder, **storage) as made,
        made.worker(),
    ):
        yield made


def delayed(site: Site) -> int:
    """Count the messages of jobs that a worker holds until they are due."""
    with redis.Redis.from_url(site.broker) as client:
        held = client.hvals("unacked")
    return sum(b"_video" in message and b'"eta": "' in message for message in held)


def all_succeed(site: Site, many: int) -> None:
    """Let so many jobs run to their ends; see that no message waits meanwhile."""
    before = site.posts()
    ids = site.enqueue(many)
    waiting: list[int] = []
    for sample in (0, many - 1):
        site.await_stage([ids[sample]], *(s for s in Stage if s != "queued"))
        waiting.append(delayed(site))
    site.await_success(ids)

    assert waiting == [0, 0]
    assert site.posts() == before + many


def test_waiting_jobs_all_succeed_and_no_message_waits_for_them(busy: Site) -> None:
    all_succeed(busy, 100)


@pytest.mark.parametrize("pool", ["threads", "solo"])
def test_so_they_do_in_other_pools(site: Site, pool: str) -> None:
    with site.worker(pool):
        all_succeed(site, 10)


def test_waiting_jobs_succeed_on_sqlite(tmp_path: Path) -> None:
    at = f"sqlite:///{tmp_path}"
    with (
        site_at(f"sqla+{at}/broker.db", f"db+{at}/results.db", tmp_path) as site,
        site.worker("threads"),
    ):
        ids = site.enqueue(3)
        site.await_success(ids)

    assert site.posts() == 3


def test_a_worker_that_is_killed_leaves_its_jobs_to_the_next(site: Site) -> None:
    slow = Timeline.seconds(processing=5)
    with site.worker() as killed:
        ids = site.enqueue(30, slow)
        site.await_stage(ids, Stage.POLLING, timeout=90)
        killed.kill()
    with site.worker():
        site.await_success(ids)

    assert site.posts() == 30
    assert len(site.queries()) == 30
    assert max(len(asked) for asked in site.queries().values()) <= 15


def test_a_watch_that_was_paused_makes_no_second_line(site: Site) -> None:
    slow = Timeline.seconds(processing=6)
    with site.worker() as first:
        ids = site.enqueue(20, slow)
        site.await_stage(ids, Stage.POLLING, timeout=90)
        first.pause()
        with site.worker():
            wait_for(lambda: asked_by_the_second(site, ids), 90)
            first.resume()
            site.await_success(ids)

    twins = sum(
        later - sooner < 0.3 * EVERY
        for asked in site.queries().values()
        for sooner, later in pairwise(asked)
    )
    assert site.posts() == 20
    assert twins <= 20


def asked_by_the_second(site: Site, ids: Sequence[str]) -> bool:
    """Has each job been asked for more than the first worker had the time to?"""
    asked = site.queries()
    return len(asked) == len(ids) and min(map(len, asked.values())) > 2


def await_polls(site: Site, ids: Sequence[str]) -> None:
    """Wait until each job has been asked for once more."""
    before = site.queries()

    def all_asked() -> bool:
        asked = site.queries()
        more = [len(asked[job]) > len(before.get(job, ())) for job in asked]
        return len(more) == len(ids) and all(more)

    wait_for(all_asked, 90, every=0.1)


def test_the_rate_holds_for_all_jobs_together(site: Site) -> None:
    with site.worker(phanedge_poll_rate=20):
        ids = site.enqueue(30, Timeline.seconds(processing=3))
        site.await_stage(ids, Stage.POLLING, timeout=90)
        site.await_success(ids)

    times = sorted(at for asked in site.queries().values() for at in asked)
    most = max(sum(at <= other < at + 1 for other in times) for at in times)
    assert most <= 20 * 1.25 + 20 * 0.25


def test_a_job_past_its_deadline_ends_although_the_rate_is_used_up(site: Site) -> None:
    endless = Timeline.seconds(processing=600)
    with site.worker(phanedge_poll_rate=0.5):
        site.enqueue(20, endless)
        [late] = site.enqueue(1, endless, max_wait=2)
        site.await_stage([late], Stage.FAILED, timeout=90)

    assert isinstance(site.app.AsyncResult(late).result, JobTimedOut)


def test_it_can_be_switched_while_jobs_are_under_way(site: Site) -> None:
    ids = site.enqueue(6, Timeline.seconds(processing=8))
    for watches in (True, False):
        with site.worker("threads", watches=watches, grace=2):
            site.await_stage(ids, Stage.POLLING)
            await_polls(site, ids)
    with site.worker("threads", grace=2):
        site.await_success(ids)

    assert site.posts() == 6


def test_links_chains_and_chords_hear_of_the_end(busy: Site) -> None:
    before = busy.posts()
    good, bad = (f"A cat, {uuid4().hex[:8]}." for _ in range(2))
    busy.fake.script("Processing", "Success", prompt=good)
    busy.fake.script("Processing", "Fail", prompt=bad)

    def job(prompt: str) -> Signature:
        request = {"model": "MiniMax-Hailuo-02", "prompt": prompt}
        return busy.s("phanedge.submit_video", request)

    def note(label: str) -> Signature:
        return busy.s("tests.record", label=label).set(immutable=True)

    linked = job(good).set(link=note("link")).apply_async()
    failed = job(bad).set(link_error=note("error")).apply_async()
    chained = chain(job(good), busy.s("tests.other"), app=busy.app).apply_async()
    chorded = chord([job(good), job(good)], app=busy.app)(busy.s("tests.collect"))
    assert linked.get(timeout=90)["file_id"]
    assert chained.get(timeout=90)["seen"]["file_id"]
    assert len(chorded.get(timeout=90)["collected"]) == 2
    with pytest.raises(JobFailed):
        failed.get(timeout=90)
    told = busy.folder / "record"
    wait_for(lambda: len(recorded(told)) == 2, 90)

    assert sorted(each["label"] for each in recorded(told)) == ["error", "link"]
    assert busy.posts() == before + 5


def test_a_waiting_job_is_cancelled_at_once(busy: Site) -> None:
    [id] = busy.enqueue(1, Timeline.seconds(processing=600))
    busy.await_stage([id], Stage.POLLING)

    answer = cancel_video(id, app=busy.app)
    wait_for(lambda: str(busy.app.AsyncResult(id).state) == "REVOKED", 90)

    ticket = busy.ticket(id)
    assert answer["stopped"] == "following"
    assert (ticket.stage, ticket.next_at) == (Stage.CANCELLED, None)
    asked = len(busy.queries().get(str(ticket.job_id), ()))
    await_two_slices(busy)
    assert len(busy.queries().get(str(ticket.job_id), ())) == asked


@pytest.mark.parametrize("answer", ["Processing", "Success", "Fail"])
def test_a_job_cancelled_while_the_watch_asks_for_it_stays_cancelled(
    busy: Site, answer: str
) -> None:
    job_id = busy.fake.add_job("Processing", answer)
    # The first question is asked by the job's own message.
    busy.fake.fault(Fault(delay=1.5), on="query", job=job_id, skip=1)
    id = follow_video(job_id, app=busy.app).id
    wait_for(lambda: len(busy.queries().get(job_id, ())) == 2, 30, every=0.02)

    told = cancel_video(id, app=busy.app)
    wait_for(lambda: busy.ticket(id).next_at is None, 30)
    await_two_slices(busy)

    assert told["stopped"] == "following"
    assert busy.ticket(id).stage is Stage.CANCELLED
    assert str(busy.app.AsyncResult(id).state) == "REVOKED"
    assert len(busy.queries()[job_id]) == 2


def await_two_slices(site: Site) -> None:
    """Wait as long as the watch takes to ask for another job twice."""
    [other] = site.enqueue(1, Timeline.seconds(processing=1))
    site.await_success([other])


def test_a_job_that_took_too_long_is_resumed_and_kept(busy: Site) -> None:
    name = f"{uuid4().hex}.mp4"
    [id] = busy.enqueue(1, Timeline.seconds(processing=6), save_to=name, max_wait=1)
    busy.await_stage([id], Stage.FAILED)
    assert isinstance(busy.app.AsyncResult(id).result, JobTimedOut)

    times = 0
    while busy.ticket(id).stage is Stage.FAILED and times < 60:
        times += 1
        assert resume_video(id, app=busy.app)["resumed"] == "reopened"
        busy.await_stage([id], Stage.FAILED, Stage.DONE)

    assert video_progress(id, app=busy.app)["video"]["saved_to"]
    assert (busy.folder / "videos" / name).stat().st_size > 0
