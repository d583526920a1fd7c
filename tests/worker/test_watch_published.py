"""How the watch is published: once in a period, and not for ever."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import pytest

from phanedge_celery.testing import FakePhanEdge
from phanedge_celery.testing.fixtures import fake
from phanedge_celery.watch.starter import UNREAD, _publish
from tests.worker.hand import Hand, hand, headers_of

__all__ = ["fake"]


@pytest.fixture
def site(fake: FakePhanEdge) -> Iterator[Hand]:
    with hand(fake) as given:
        yield given


@pytest.mark.parametrize("period", [5.0, 15.0])
def test_where_no_worker_takes_them_a_bounded_number_waits(
    site: Hand, period: float
) -> None:
    _publish(site.app, "a worker", period)
    message: Any = site.take()

    expires = datetime.fromisoformat(headers_of(message)["expires"])
    left = (expires - datetime.now(timezone.utc)).total_seconds()
    assert left == pytest.approx(UNREAD * period, abs=30)


def test_of_two_workers_one_publishes_in_a_period(site: Hand) -> None:
    for worker in ("one", "other", "one"):
        _publish(site.app, worker, 60)

    assert len(site.waiting()) == 2, "the one renews its own lease"
