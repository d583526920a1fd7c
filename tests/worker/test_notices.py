"""Calls that arrive about a job: polls become a safety net, and nothing is lost."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from phanedge_celery import follow_video
from phanedge_celery.callback import Hint, calls_arrive
from phanedge_celery.models import JobStatus
from phanedge_celery.producer import take_notice
from phanedge_celery.testing import FakePhanEdge
from phanedge_celery.testing.fixtures import fake
from phanedge_celery.tickets import Stage
from tests.worker.hand import Hand, hand, headers_of, stamp_of

__all__ = ["fake"]

EVERY = {"first": 10, "every": 10, "jitter": 0}


@pytest.fixture(params=[False, True], ids=["messages", "watched"])
def site(request: pytest.FixtureRequest, fake: FakePhanEdge) -> Iterator[Hand]:
    conf = {"phanedge_schedule": EVERY, "phanedge_watch_polls": request.param}
    with hand(fake, **conf) as given:
        yield given


def waiting_job(site: Hand, fake: FakePhanEdge, *steps: str) -> tuple[str, str]:
    """Return the Celery id and the job id of a job that has been asked for once."""
    job = fake.add_job(*steps)
    id = str(follow_video(job, app=site.app).id)
    asked(site)
    return id, job


def asked(site: Hand) -> None:
    """Deliver the message that is next."""
    message = site.take()
    assert message is not None
    site.deliver(message)


def notice(site: Hand, id: str, job: str, word: str) -> None:
    take_notice(id, Hint(job, JobStatus.read(word)), site.app)


def wait_of(site: Hand, id: str) -> float:
    next_at = site.ticket(id).next_at
    assert next_at is not None
    return next_at - time.time()


def test_polls_slow_to_one_a_minute_where_calls_arrive(
    site: Hand, fake: FakePhanEdge
) -> None:
    id, job = waiting_job(site, fake, "Processing", "Processing", "Success")
    assert 0 < wait_of(site, id) <= 10

    for _ in range(3):
        notice(site, id, job, "processing")

    assert 50 < wait_of(site, id) <= 60
    assert site.ticket(id).version == 3, "one notice was written, not three"
    assert fake.polls_of(job) == 1


def test_a_poll_in_between_waits_a_minute_again(site: Hand, fake: FakePhanEdge) -> None:
    id, job = waiting_job(site, fake, "Processing", "Processing", "Processing")
    notice(site, id, job, "processing")
    latest = run_its_message(site, id)

    assert latest["version"] == 3
    assert fake.polls_of(job) == 2
    assert site.ticket(id).stage is Stage.POLLING
    assert 50 < wait_of(site, id) <= 60


def run_its_message(site: Hand, id: str) -> dict[str, Any]:
    """Run the job's own message, as the watch or the broker would bring it."""
    from phanedge_celery.messages import send_next

    site.waiting()
    send_next(site.app, site.ticket(id))
    message = site.take()
    assert message is not None
    stamp = stamp_of(message)
    assert "phanedge_called" in headers_of(message)
    site.deliver(message)
    return stamp


def test_the_call_about_its_end_is_heard_at_once_and_polls_are_as_before(
    site: Hand, fake: FakePhanEdge
) -> None:
    id, job = waiting_job(site, fake, "Processing", "Processing", "Processing")
    notice(site, id, job, "processing")
    site.waiting()

    notice(site, id, job, "success")
    asked(site)

    assert fake.polls_of(job) == 2
    assert not calls_arrive(site.ticket(id).message)
    assert 0 < wait_of(site, id) <= 10


def test_a_job_whose_calls_stop_is_finished_all_the_same(
    site: Hand, fake: FakePhanEdge
) -> None:
    id, job = waiting_job(site, fake, "Processing", "Success")
    notice(site, id, job, "processing")

    run_its_message(site, id)
    site.deliver_all()

    assert site.ticket(id).stage is Stage.DONE


@pytest.mark.parametrize("word", ["processing", "success"])
def test_calls_about_a_job_that_is_over_change_nothing(
    site: Hand, fake: FakePhanEdge, word: str
) -> None:
    id, job = waiting_job(site, fake, "Success")
    site.deliver_all()
    before = site.ticket(id)

    notice(site, id, job, word)

    assert site.ticket(id) == before
    assert before.stage is Stage.DONE


def test_a_deadline_is_not_slept_through(site: Hand, fake: FakePhanEdge) -> None:
    job = fake.add_job("Processing")
    id = str(follow_video(job, app=site.app, max_wait=30).id)
    asked(site)

    notice(site, id, job, "processing")

    assert wait_of(site, id) <= 30
