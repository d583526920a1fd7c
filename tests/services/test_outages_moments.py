"""What stands under a job goes away in the very moment that matters most."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
from celery import states

from phanedge_celery import SubmissionUnknown, enqueue_video, resume_video
from phanedge_celery.settings import settings_for
from phanedge_celery.steps import submit_lease
from phanedge_celery.testing import FakePhanEdge, Fault
from phanedge_celery.tickets import Stage
from tests.conftest import running
from tests.faulty import WATCH, Site
from tests.servers import RedisServer
from tests.workers import WorkerProcess, wait_for

pytestmark = pytest.mark.timeout(300)

SLOWLY = Fault(delay=1.5)


@dataclass(kw_only=True)
class Place:
    """A site, and the three servers that it stands on."""

    broker: RedisServer
    results: RedisServer
    tickets: RedisServer
    site: Site
    worker: WorkerProcess

    def take_away(self, *servers: RedisServer) -> None:
        for server in servers:
            server.save()
            server.stop()

    def bring_back(self, *servers: RedisServer) -> None:
        for server in servers:
            server.start()

    def go_on(self) -> None:
        """Let go on who stands still."""
        for pid in self.worker.paused():
            os.kill(pid, signal.SIGCONT)


@dataclass(kw_only=True)
class Job:
    """One job on its way."""

    place: Place
    id: str = field(default_factory=lambda: str(uuid4()))
    request: Mapping[str, Any] = field(default_factory=dict)

    @property
    def site(self) -> Site:
        return self.place.site

    def charge(self, task: str, point: str, by: signal.Signals) -> Job:
        self.site.charges.lay(self.id, task, point, by)
        return self

    def send(self, create: Fault | None = None) -> Job:
        self.request = self.site.request()
        if create:
            prompt = self.request["prompt"]
            self.site.fake.fault(create, on="create", prompt=prompt)
        enqueue_video(
            self.request,
            app=self.site.app,
            task_id=self.id,
            link=self.site.note(f"{self.id}-link"),
            link_error=self.site.note(f"{self.id}-error"),
        )
        return self

    def is_in(self, stage: Stage) -> None:
        def there() -> bool:
            ticket = self.site.store.read(self.id)
            return bool(ticket and ticket.stage is stage)

        wait_for(there, 60, every=0.02, what=lambda: self.site.tell(self.id))

    def stands_still(self) -> None:
        wait_for(self.place.worker.paused, 40, what=lambda: self.site.tell(self.id))

    def said(self, event: str) -> None:
        """Wait until the worker's log tells that of this job."""
        words = f"phanedge.{event} id={self.id}"
        self.place.worker.wait_for_log(words, timeout=40)

    def ends(self) -> str:
        self.site.await_end(self.id, timeout=90)
        wait_for(lambda: any(self.calls()), 20)
        return self.site.state(self.id)

    def calls(self) -> tuple[int, int]:
        """Return how often link and link_error were called."""
        noted = self.site.noted
        return noted(f"{self.id}-link"), noted(f"{self.id}-error")

    @property
    def posts(self) -> int:
        return self.site.posts_of(self.request)

    @property
    def made(self) -> str:
        """The vendor's id of the job that the one POST has made."""
        job_id = self.site.job_of(self.request)
        assert job_id
        return job_id


@contextmanager
def placed(folder: Any, watch: Mapping[str, float]) -> Iterator[Place]:
    own = contextmanager(running)
    with ExitStack() as stack:
        servers = [stack.enter_context(own(RedisServer)) for _ in range(3)]
        broker, results, tickets = servers
        site = Site(
            fake=stack.enter_context(FakePhanEdge()),
            folder=folder,
            broker=broker.fresh_url(),
            backend=results.fresh_url(),
            watch=watch,
            conf={"phanedge_tickets": tickets.fresh_url()},
        )
        worker = stack.enter_context(site.worker(concurrency=3))
        stack.callback(worker.kill)
        yield Place(
            broker=broker, results=results, tickets=tickets, site=site, worker=worker
        )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with placed(tmp_path_factory.mktemp("moments"), WATCH) as made:
        yield made


def test_a_submission_whose_ticket_is_lost_goes_on_when_it_is_answered(
    place: Place,
) -> None:
    job = Job(place=place).send(SLOWLY)
    job.is_in(Stage.SUBMITTING)

    place.tickets.flush()

    assert job.ends() == states.SUCCESS
    assert job.site.result(job.id)["job_id"] == job.made
    assert (job.posts, job.calls()) == (1, (1, 0))


def test_a_submission_whose_ticket_and_process_are_lost_is_unknown_till_adopted(
    place: Place,
) -> None:
    job = Job(place=place).charge("submit_video", "http", signal.SIGKILL).send(SLOWLY)
    job.is_in(Stage.SUBMITTING)

    place.tickets.flush()
    job.is_in(Stage.SUBMITTING)
    job.site.let_lease_end(job.id)

    assert job.ends() == states.FAILURE
    assert isinstance(job.site.result(job.id), SubmissionUnknown)
    assert (job.posts, job.calls()) == (1, (0, 1))
    assert_adopted(job)


def assert_adopted(job: Job) -> None:
    told = resume_video(job.id, job_id=job.made, app=job.site.app)
    job.ends()

    assert told["resumed"] == "adopted"
    assert job.site.state(job.id) == states.SUCCESS
    assert job.site.result(job.id)["job_id"] == job.made
    assert job.posts == 1


@pytest.mark.parametrize("broker_too", [False, True])
def test_an_answer_that_comes_after_the_lease_and_meets_no_store_is_adopted(
    place: Place, broker_too: bool
) -> None:
    job = Job(place=place).charge("submit_video", "http", signal.SIGSTOP).send()
    job.stands_still()
    job.site.let_lease_end(job.id)
    assert job.ends() == states.FAILURE
    others = [place.broker] if broker_too else []

    place.take_away(place.tickets, *others)
    place.go_on()
    job.said("store_away")
    # Without a broker no message takes it there: the step itself has to.
    place.bring_back(place.tickets)
    wait_for(lambda: job.site.ticket(job.id).job_id, 60)
    place.bring_back(*others)

    job.is_in(Stage.DONE)
    assert job.site.result(job.id)["job_id"] == job.made
    assert (job.posts, job.calls()) == (1, (0, 1))


@pytest.mark.parametrize("broker_too", [False, True])
def test_an_answer_that_no_store_could_take_goes_on_when_it_is_back(
    place: Place, broker_too: bool
) -> None:
    job = Job(place=place).send(SLOWLY)
    job.is_in(Stage.SUBMITTING)
    away = [place.tickets, *([place.broker] if broker_too else [])]

    place.take_away(*away)
    job.said("store_away")
    place.bring_back(*away)

    assert job.ends() == states.SUCCESS
    assert job.site.result(job.id)["job_id"] == job.made
    assert job.posts == 1


@pytest.mark.parametrize("server", ["results", "broker"])
def test_a_linked_job_whose_end_cannot_be_told_waits_with_it(
    place: Place, server: str
) -> None:
    job = Job(place=place).charge("retrieve_file", "http", signal.SIGSTOP).send()
    job.stands_still()

    place.take_away(getattr(place, server))
    place.go_on()
    job.said("outcome_waits")
    waiting = job.site.ticket(job.id)
    place.bring_back(getattr(place, server))

    assert waiting.stage is Stage.ENDING
    assert job.ends() == states.SUCCESS
    assert job.calls() == (1, 0)


@pytest.mark.long
@pytest.mark.parametrize("seconds", [3, 45])
def test_results_that_go_away_between_link_and_result_end_in_a_success(
    place: Place, seconds: float
) -> None:
    job = Job(place=place).charge("retrieve_file", "send", signal.SIGSTOP).send()
    job.stands_still()

    place.take_away(place.results)
    place.go_on()
    time.sleep(seconds)
    before = job.site.ticket(job.id)
    place.bring_back(place.results)

    assert before.stage is Stage.ENDING
    assert job.ends() == states.SUCCESS
    good, bad = job.calls()
    # Celery calls links before it stores a result; if it cannot, all is told anew.
    assert 1 <= good <= 2
    assert bad == 0


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_killed_submission_is_unknown_within_its_lease_and_a_minute(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with placed(tmp_path_factory.mktemp("lease"), {}) as place:
        lease = submit_lease(settings_for(place.site.app))
        job = Job(place=place).charge("submit_video", "http", signal.SIGKILL).send()
        job.is_in(Stage.SUBMITTING)
        begun = time.monotonic()

        job.site.await_end(job.id, timeout=lease + 90)

        assert time.monotonic() - begun <= lease + 60
        assert isinstance(job.site.result(job.id), SubmissionUnknown)
        assert_adopted(job)
