"""A child killed at every point of every step: one line goes on, one POST is made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from celery import chain, chord, states

from phanedge_celery import ContentRejected, SubmissionUnknown, Video
from phanedge_celery.testing import FakePhanEdge, Timeline, fail
from phanedge_celery.tickets import Stage
from tests.faulty import Site, twins
from tests.servers import RedisServer
from tests.workers import wait_for

pytestmark = pytest.mark.timeout(400)

BEFORE_THE_POST = ("submit_video", "begin"), ("submit_video", "read")
UNANSWERED = ("submit_video", "claim"), ("submit_video", "http")
FOLLOWED = (
    ("submit_video", "advance"),
    ("submit_video", "send"),
    ("poll_video", "begin"),
    ("poll_video", "read"),
    ("poll_video", "http"),
    ("poll_video", "advance"),
    ("poll_video", "send"),
    ("retrieve_file", "begin"),
    ("retrieve_file", "read"),
    ("retrieve_file", "http"),
)
ENDING = (
    ("retrieve_file", "ending"),
    ("retrieve_file", "send"),
    ("retrieve_file", "stored"),
    ("retrieve_file", "closed"),
)
FAILING = (
    ("poll_video", "ending"),
    ("poll_video", "stored"),
    ("poll_video", "closed"),
)
POINTS = (*BEFORE_THE_POST, *UNANSWERED, *FOLLOWED, *ENDING)
TOLD_IN_A_CANVAS = {
    ("submit_video", "http"),
    ("submit_video", "advance"),
    ("poll_video", "advance"),
    ("poll_video", "send"),
    *ENDING,
    *FAILING,
}
"""Elsewhere a canvas is no more than something that the message carries."""

PATIENCE = 100
FAILS = Timeline.seconds(processing=1, end=fail(1027, "output new_sensitive"))


@dataclass(frozen=True)
class Killed:
    """One job, and the point of the step at which it lost its process."""

    site: Site
    shape: str
    task: str
    point: str
    request: Mapping[str, Any]
    id: str
    tail: str
    """The id of what comes after it in its canvas; its own, where nothing does."""

    @property
    def tailed(self) -> str:
        return f"{self.id}-tail"

    @property
    def job_id(self) -> str:
        job_id = self.site.job_of(self.request)
        assert job_id
        return job_id

    @property
    def retrieves(self) -> int:
        log = self.site.fake.log("retrieve")
        return sum(entry.job_id == self.job_id for entry in log)

    @property
    def polls(self) -> int:
        return self.site.fake.polls_of(self.job_id)

    def links(self) -> tuple[int, int]:
        """Return how often link, or the canvas's tail, and link_error have run."""
        good = self.tailed if self.shape != "alone" else f"{self.id}-link"
        return self.site.noted(good), self.site.noted(f"{self.id}-error")


def begin(site: Site, shape: str, task: str, point: str, *steps: Any) -> Killed:
    """Enqueue one job in a canvas of that shape, with a charge in its way."""
    id, request = str(uuid4()), site.request(*steps)
    site.charges.lay(id, task, point)
    job: Any = site.s("phanedge.submit_video", request).set(task_id=id)
    tail = site.note(f"{id}-tail").set(task_id=f"tail-{id}")
    error = site.note(f"{id}-error")
    if shape == "alone":
        job.set(link=[site.note(f"{id}-link")], link_error=[error]).apply_async()
    elif shape == "chain":
        job.set(link_error=[error])
        chain(job, tail, app=site.app).apply_async()
    else:
        job.set(link_error=[error])
        chord([job, site.s("tests.other", 1)], app=site.app)(tail)
    ending = id if shape == "alone" else f"tail-{id}"
    return Killed(site, shape, task, point, request, id, ending)


@pytest.fixture(scope="module")
def site(
    redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    databases = redis_server.fresh()
    with FakePhanEdge() as fake:
        made = Site(
            fake=fake,
            folder=tmp_path_factory.mktemp("kills"),
            broker=databases.broker,
            backend=databases.backend,
        )
        with made.worker():
            yield made


Case = tuple[str, str, str]


@pytest.fixture(scope="module")
def killed(site: Site) -> dict[Case, Killed]:
    """All the cases at once: each waits for the others while it waits."""
    begun = [begin(site, *case) for case in cases_of(*POINTS)]
    begun += [begin(site, *case, FAILS) for case in cases_of(*FAILING)]
    wait_for(lambda: not site.charges.left(), PATIENCE, what=lambda: unstruck(site))
    for each in begun:
        hasten(each)
    site.await_end(*(each.id for each in begun), timeout=PATIENCE)
    wait_for(
        lambda: all(site.state(each.tail) in states.READY_STATES for each in begun),
        PATIENCE,
    )
    return {(each.shape, each.task, each.point): each for each in begun}


def unstruck(site: Site) -> str:
    left = site.charges.left()
    return "\n".join(f"{at} {site.tell(at.partition('.')[0])}" for at in left)


def hasten(each: Killed) -> None:
    """Let the lease of what a killed process had claimed be over at once."""
    claimed = Stage.SUBMITTING if each.point in ("claim", "http") else Stage.ENDING
    if (each.task, each.point) in (*UNANSWERED, *ENDING[:-1], *FAILING[:-1]):
        wait_for(
            lambda: each.site.ticket(each.id).stage is claimed,
            what=lambda: f"{each} {each.site.ticket(each.id)}",
        )
        each.site.let_lease_end(each.id)


def cases_of(*points: tuple[str, str]) -> Iterator[Case]:
    for point in points:
        yield "alone", *point
        if point in TOLD_IN_A_CANVAS:
            yield "chain", *point
            yield "chord", *point


def cases(*points: tuple[str, str]) -> pytest.MarkDecorator:
    listed = [pytest.param(case, id="-".join(case)) for case in cases_of(*points)]
    return pytest.mark.parametrize("case", listed)


@cases(*BEFORE_THE_POST, *FOLLOWED, *ENDING)
def test_a_job_whose_process_is_killed_ends_as_if_nothing_had_been(
    killed: dict[Case, Killed], case: Case
) -> None:
    job = killed[case]

    assert job.site.state(job.id) == states.SUCCESS
    assert Video.model_validate(job.site.result(job.id)).job_id == job.job_id
    assert job.site.state(job.tail) == states.SUCCESS
    assert job.site.ticket(job.id).stage is Stage.DONE


@cases(*POINTS)
def test_a_killed_job_is_posted_once(killed: dict[Case, Killed], case: Case) -> None:
    expected = 0 if case[1:] == ("submit_video", "claim") else 1

    assert killed[case].site.posts_of(killed[case].request) == expected


@cases(*BEFORE_THE_POST, *FOLLOWED, *ENDING)
def test_one_line_of_polls_goes_on_after_a_kill(
    killed: dict[Case, Killed], case: Case
) -> None:
    job = killed[case]
    again = 1 if case[1] == "poll_video" else 0

    assert twins(job.site.fake, job.job_id) <= again
    assert job.polls <= 7 + again
    assert job.retrieves <= (2 if case[1:] == ("retrieve_file", "http") else 1)


@cases(*BEFORE_THE_POST, *FOLLOWED, *ENDING)
def test_a_link_hears_of_a_success_once(killed: dict[Case, Killed], case: Case) -> None:
    sent_but_not_stored = case[1:] == ("retrieve_file", "send")
    most = 2 if sent_but_not_stored else 1
    good, bad = killed[case].links()

    assert 1 <= good <= most
    assert bad == 0


@cases(*FAILING)
def test_a_link_error_hears_of_a_failure_once(
    killed: dict[Case, Killed], case: Case
) -> None:
    job = killed[case]
    # Celery stores a failure before it tells of it.
    most = 2 if case[2] == "stored" else 1
    good, bad = job.links()

    assert job.site.state(job.id) == states.FAILURE
    assert isinstance(job.site.result(job.id), ContentRejected)
    assert job.site.state(job.tail) == states.FAILURE
    assert good == 0
    assert 1 <= bad <= most
    assert job.site.posts_of(job.request) == 1


@cases(*UNANSWERED)
def test_a_kill_between_claim_and_answer_leaves_the_submission_unknown(
    killed: dict[Case, Killed], case: Case
) -> None:
    job = killed[case]

    assert isinstance(job.site.result(job.id), SubmissionUnknown)
    assert job.site.state(job.tail) == states.FAILURE
    assert job.links() == (0, 1)
