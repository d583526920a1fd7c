"""The watch while the ticket store is away: it backs off, and says so once."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

import pytest

from phanedge_celery.schedule import WATCH
from phanedge_celery.testing import FakePhanEdge
from phanedge_celery.testing.fixtures import fake
from phanedge_celery.tickets import Stage, Ticket, open_store
from phanedge_celery.watch.slices import Turn, poll
from tests.rawserver import refused_port
from tests.worker.hand import Hand, hand

__all__ = ["fake"]


@pytest.fixture
def site(fake: FakePhanEdge) -> Iterator[Hand]:
    with hand(fake, phanedge_watch_polls=True) as given:
        yield given


def test_it_backs_off_says_so_once_and_goes_on(
    site: Hand, fake: FakePhanEdge, caplog: pytest.LogCaptureFixture
) -> None:
    job = fake.add_job("Processing", "Processing")
    now = time.time()
    waiting = Ticket(
        id="a",
        since=now,
        stage=Stage.POLLING,
        job_id=job,
        next_at=now,
        deadline=now + 9,
    )
    site.store.create(waiting)
    away = open_store(f"redis://127.0.0.1:{refused_port()}/0")

    turn, waits = Turn(owner="w"), []
    with caplog.at_level(logging.WARNING, "phanedge_celery"):
        for _ in range(6):
            following = poll(site.app, away, turn)
            assert following is not None
            turn = following
            waits.append(turn.after)

    assert waits == [2, 4, 8, WATCH.claim, WATCH.claim, WATCH.claim]
    assert caplog.text.count("phanedge.polls_wait") == 1
    following = poll(site.app, site.store, turn)
    assert following is not None
    assert following.failures == 0
    assert fake.polls_of(job) >= 1
    assert site.ticket("a").stage is Stage.POLLING
