"""A clock that is set back by an hour: no job waits for that hour."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

import pytest

from phanedge_celery import enqueue_video
from phanedge_celery.settings import settings_for
from phanedge_celery.steps import submit_lease
from phanedge_celery.testing import FakePhanEdge
from phanedge_celery.testing.fixtures import fake
from phanedge_celery.tickets import Stage, Ticket
from phanedge_celery.watch.clock import WallClock
from phanedge_celery.watch.starter import _mind
from phanedge_celery.watch.waits import WAITING, shorten
from tests.worker.hand import Hand, hand

__all__ = ["fake"]

HOUR = 3600.0
REQUEST = {"model": "MiniMax-Hailuo-02", "prompt": "A cat surfs."}


@pytest.fixture
def site(fake: FakePhanEdge) -> Iterator[Hand]:
    with hand(fake, phanedge_schedule={}) as given:
        yield given


def waits(site: Hand, stage: Stage, seconds: float, *, version: int = 3) -> float:
    """Let a job in *stage* be due in so many seconds; return when, after a look."""
    now, since = time.time(), time.time() + HOUR
    ticket = Ticket(
        id=f"{stage}", version=version, stage=stage, since=since, next_at=now + seconds
    )
    site.store.create(ticket)
    shorten(site.store, settings_for(site.app), now)
    return (site.ticket(ticket.id).next_at or now) - now


@pytest.mark.parametrize(
    "stage", [stage for stage in WAITING if stage is not Stage.SUBMITTING]
)
def test_a_job_waits_no_longer_than_a_minute_and_its_jitter(
    site: Hand, stage: Stage
) -> None:
    assert waits(site, stage, HOUR + 10) == pytest.approx(66)


def test_a_submission_is_given_all_its_time_for_an_answer(site: Hand) -> None:
    lease = submit_lease(settings_for(site.app))

    assert waits(site, Stage.SUBMITTING, HOUR + lease) == pytest.approx(lease)


def test_a_wait_that_can_be_stays_as_it_is(site: Hand) -> None:
    assert waits(site, Stage.POLLING, 60) == pytest.approx(60)
    assert not site.ticket("polling").resends


def test_a_schedule_of_the_sites_own_is_kept(fake: FakePhanEdge) -> None:
    with hand(fake, phanedge_schedule={"first": 900, "jitter": 0}) as site:
        assert waits(site, Stage.POLLING, 900) == pytest.approx(900)


def test_a_job_that_was_just_ordered_is_looked_after_soon(site: Hand) -> None:
    assert waits(site, Stage.QUEUED, HOUR, version=1) == pytest.approx(66)


def test_a_job_that_is_to_begin_tomorrow_begins_tomorrow(site: Hand) -> None:
    id = enqueue_video(REQUEST, app=site.app, countdown=86_400).id
    before = site.ticket(id)

    shorten(site.store, settings_for(site.app), time.time() - HOUR)

    assert site.ticket(id) == before


def test_a_worker_notices_it_and_says_so_once(
    site: Hand, caplog: pytest.LogCaptureFixture
) -> None:
    ahead = [HOUR]
    clock = WallClock(lambda: time.time() + ahead[0], time.monotonic)
    due = time.time() + HOUR + 10
    site.store.create(Ticket(id="a", stage=Stage.POLLING, since=due, next_at=due))
    ahead[0] = 0

    seen = []
    with caplog.at_level(logging.WARNING, "phanedge_celery"):
        for _ in range(4):
            _mind(site.app, "a worker", clock)
            seen.append(site.ticket("a").next_at)

    assert seen[0] == due, "somebody may still be writing a time from before"
    assert seen[1:] == [pytest.approx(time.time() + 66, abs=10)] * 3
    assert caplog.text.count("phanedge.clock_back id=a worker why=3600 s") == 1
