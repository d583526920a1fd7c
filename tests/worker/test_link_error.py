"""A job of ours as another one's `link_error`: sent as a message, made once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from phanedge_celery import enqueue_video, submit_video
from phanedge_celery.testing import FakePhanEdge
from phanedge_celery.testing.fixtures import fake
from tests.worker.hand import Hand, hand

FIRST = {"model": "MiniMax-Hailuo-02", "prompt": "A cat fails."}
SECOND = {"model": "MiniMax-Hailuo-02", "prompt": "A cat instead."}


__all__ = ["fake"]


@pytest.fixture
def by_hand(fake: FakePhanEdge) -> Iterator[Hand]:
    with hand(fake) as found:
        yield found


def test_a_job_in_place_of_a_failed_one_has_a_message_and_a_ticket_of_its_own(
    fake: FakePhanEdge, by_hand: Hand
) -> None:
    fake.script("Fail", prompt=FIRST["prompt"])
    fake.script("Processing", "Success", prompt=SECOND["prompt"])
    failed = enqueue_video(FIRST, link_error=submit_video.si(SECOND))

    while by_hand.ticket(failed.id).next_at:
        message = by_hand.take()
        assert message
        by_hand.deliver(message)
    before = fake.posts_by("prompt").get(SECOND["prompt"], 0)
    [instead] = by_hand.waiting()
    by_hand.deliver(instead)
    by_hand.deliver(instead)
    by_hand.deliver_all()
    ended = [ticket for ticket in by_hand.store.jobs() if ticket.id != failed.id]

    assert before == 0
    assert [str(ticket.stage) for ticket in ended] == ["done"]
    assert fake.posts_by("prompt")[SECOND["prompt"]] == 1
