"""A child killed at every point of every step: one line goes on, one POST is made."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

import pytest
from celery import states

from phanedge_celery import ContentRejected, SubmissionUnknown, Video
from phanedge_celery.testing import FakePhanEdge
from phanedge_celery.tickets import Stage
from tests.faulty import Site, twins
from tests.kills import (
    BEFORE_THE_POST,
    ENDING,
    FAILING,
    FOLLOWED,
    POINTS,
    SAVING,
    UNANSWERED,
    Case,
    Killed,
    await_all,
    begin_all,
    cases_of,
)
from tests.servers import RedisServer
from tests.workers import wait_for

pytestmark = pytest.mark.timeout(900)

PAID = [("paid", *point) for point in (*ENDING, *FAILING)]
SAVED = [("saved", *point) for point in SAVING]
ADOPTED = "adopted", "submit_video", "http"


@pytest.fixture(scope="module")
def site(
    redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    databases = redis_server.fresh()
    folder = tmp_path_factory.mktemp("kills")
    with FakePhanEdge() as fake:
        made = Site(
            fake=fake,
            folder=folder,
            broker=databases.broker,
            backend=databases.backend,
            conf={"phanedge_storage": f"file://{folder}/kept"},
        )
        with made.worker():
            yield made


@pytest.fixture(scope="module")
def killed(site: Site) -> dict[Case, Killed]:
    begun = begin_all(site, [*cases_of(*POINTS, *FAILING), *PAID, *SAVED, ADOPTED])
    await_all(begun.values())
    return begun


def cases(*points: tuple[str, str]) -> pytest.MarkDecorator:
    return listed(cases_of(*points))


def listed(chosen: Iterable[Case]) -> pytest.MarkDecorator:
    params = [pytest.param(case, id="-".join(case)) for case in chosen]
    return pytest.mark.parametrize("case", params)


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


@listed(case for case in cases_of(*FOLLOWED, *ENDING) if case[0] == "chord")
def test_the_body_of_a_chord_sees_every_result_once(
    killed: dict[Case, Killed], case: Case
) -> None:
    job = killed[case]
    [video, other] = job.site.result(job.tail)["collected"]

    assert video["job_id"] == job.job_id
    assert other == {"seen": 1}


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


@listed([ADOPTED])
def test_a_killed_submission_whose_job_was_found_goes_on_under_its_id(
    killed: dict[Case, Killed], case: Case
) -> None:
    job = killed[case]

    assert job.site.state(job.id) == states.SUCCESS
    assert job.site.result(job.id)["job_id"] == job.job_id
    assert job.site.posts_of(job.request) == 1
    assert job.links() == (0, 1)


@listed(PAID)
def test_a_job_that_is_a_link_or_a_link_error_is_bought_once(
    killed: dict[Case, Killed], case: Case
) -> None:
    job = killed[case]
    failed = case[1:] in FAILING
    wanted, other = ("link_error", "link") if failed else ("link", "link_error")
    wait_for(lambda: job.posts_of(wanted), 20)
    made = job.site.job_of(job.bought[wanted])

    assert made
    wait_for(lambda: job.site.fake.polls_of(made), 20)
    assert job.posts_of(wanted) == 1
    assert job.posts_of(other) == 0


@listed(SAVED)
def test_a_file_is_kept_whole_although_its_process_is_killed(
    killed: dict[Case, Killed], case: Case
) -> None:
    job = killed[case]
    video = job.site.result(job.id)
    kept = job.site.folder / "kept" / video["saved_to"]

    assert job.site.state(job.id) == states.SUCCESS
    assert video["saved_to"] == f"{job.id}.mp4"
    assert hashlib.sha256(kept.read_bytes()).hexdigest() == video["sha256"]
    assert job.site.posts_of(job.request) == 1
    assert 1 <= job.links()[0] <= (2 if case[2] == "send" else 1)


def test_no_part_of_a_file_is_left_behind(killed: dict[Case, Killed]) -> None:
    site = next(iter(killed.values())).site
    kept = {path.name for path in (site.folder / "kept").rglob("*") if path.is_file()}

    assert kept == {f"{killed[case].id}.mp4" for case in SAVED}
