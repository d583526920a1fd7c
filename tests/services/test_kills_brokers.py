"""The kills on RabbitMQ, and of whole workers, whose threads die together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Final

import pytest
from celery import states

from phanedge_celery import ContentRejected, SubmissionUnknown, Video
from phanedge_celery.testing import FakePhanEdge
from phanedge_celery.tickets import Stage
from tests.faulty import Site, twins
from tests.kills import (
    FAILING,
    POINTS,
    SAVING,
    UNANSWERED,
    Case,
    Killed,
    Point,
    await_all,
    begin_all,
)
from tests.ordeals import KINDS
from tests.servers import RabbitServer, RedisServer
from tests.workers import WorkerProcess

pytestmark = pytest.mark.timeout(900)

WHOLE: Final = (*POINTS, *FAILING, *SAVING)
FEW: Final[tuple[Point, ...]] = (
    ("submit_video", "advance"),
    ("poll_video", "advance"),
    ("poll_video", "stored"),
    ("retrieve_file", "http"),
    ("retrieve_file", "stored"),
    ("save_file", "advance"),
)
"""Of threads, of which each kill costs the whole worker."""

STACKS: Final = {"rabbitmq": WHOLE, "redis-threads": FEW, "quorum-threads": FEW}
ADOPTED: Final = "adopted", "submit_video", "http"


def cases_of(name: str) -> list[Case]:
    shapes = {point: "saved" if point in SAVING else "alone" for point in STACKS[name]}
    return [ADOPTED, *((shape, *point) for point, shape in shapes.items())]


def listed(*without: Point) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        ("name", "case"),
        [
            pytest.param(name, case, id="-".join((name, *case)))
            for name in STACKS
            for case in cases_of(name)
            if case[1:] not in without
        ],
    )


def only(*points: Point) -> pytest.MarkDecorator:
    return listed(*(point for point in WHOLE if point not in points))


def worker_of(site: Site, pool: str) -> WorkerProcess:
    """Return a worker in which no kill hits a step of another job."""
    if pool == "prefork":
        return site.worker()
    return site.worker(pool=pool, concurrency=1, respawned=True)


@pytest.fixture(scope="module")
def killed(
    redis_server: RedisServer,
    rabbitmq_server: RabbitServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, dict[Case, Killed]]]:
    with FakePhanEdge() as fake, ExitStack() as stack:
        begun = {}
        for name in STACKS:
            kind = KINDS[name]
            site = kind.site(
                fake,
                tmp_path_factory.mktemp(name),
                redis=redis_server,
                rabbit=rabbitmq_server,
            )
            worker = worker_of(site, kind.pool)
            stack.callback(worker.close)
            stack.callback(worker.kill)
            worker.child.start()
            begun[name] = begin_all(site, cases_of(name), enqueued=True)
        for jobs in begun.values():
            await_all(jobs.values())
        yield begun


Jobs = dict[str, dict[Case, Killed]]


@listed(*UNANSWERED, *FAILING)
def test_a_job_whose_process_is_killed_ends_as_if_nothing_had_been(
    killed: Jobs, name: str, case: Case
) -> None:
    job = killed[name][case]

    assert job.site.state(job.id) == states.SUCCESS
    assert Video.model_validate(job.site.result(job.id)).job_id == job.job_id
    assert job.site.ticket(job.id).stage is Stage.DONE


@listed()
def test_a_killed_job_is_posted_once(killed: Jobs, name: str, case: Case) -> None:
    job = killed[name][case]
    expected = 0 if case[1:] == ("submit_video", "claim") else 1

    assert job.site.posts_of(job.request) == expected


@listed(*UNANSWERED, *FAILING)
def test_a_link_hears_of_a_success_once(killed: Jobs, name: str, case: Case) -> None:
    good, bad = killed[name][case].links()
    # Over Redis a callback that a killed worker had fetched comes an hour later.
    least = 0 if name == "redis-threads" else 1
    # RabbitMQ delivers again what a killed worker was about to acknowledge.
    most = 2 if case[2] == "send" or KINDS[name].pool == "threads" else 1

    assert least <= good <= most
    assert bad == 0


@listed(*UNANSWERED, *FAILING)
def test_one_line_of_polls_goes_on_after_a_kill(
    killed: Jobs, name: str, case: Case
) -> None:
    job = killed[name][case]
    again = 1 if case[1] == "poll_video" else 0

    assert twins(job.site.fake, job.job_id) <= again
    # A saver asks for a fresh URL each time that it begins.
    assert job.retrieves <= (3 if job.shape == "saved" else 2)


@only(*FAILING)
def test_a_link_error_hears_of_a_failure(killed: Jobs, name: str, case: Case) -> None:
    job = killed[name][case]
    good, bad = job.links()

    assert isinstance(job.site.result(job.id), ContentRejected)
    assert good == 0
    assert bad <= 2


@only(*UNANSWERED)
def test_a_killed_submission_is_unknown_until_its_job_is_adopted(
    killed: Jobs, name: str, case: Case
) -> None:
    job = killed[name][case]
    result = job.site.result(job.id)

    assert job.links() in ((0, 1), (0, 0))
    if case == ADOPTED:
        assert result["job_id"] == job.job_id
    else:
        assert isinstance(result, SubmissionUnknown)
