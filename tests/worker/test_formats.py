"""What another version of this package wrote: understood, or left alone and named."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from kombu.message import Message

from phanedge_celery import enqueue_video, follow_video, messages, tickets
from phanedge_celery.testing import FakePhanEdge
from phanedge_celery.testing.fixtures import fake
from phanedge_celery.tickets import TicketUnreadable
from phanedge_celery.tickets.memory import MemoryTickets
from tests.worker.hand import Hand, hand, headers_of, stamp_of

__all__ = ["fake"]

REQUEST = {"model": "MiniMax-Hailuo-02", "prompt": "A cat surfs."}
NEWER = messages.FORMAT + 1


@pytest.fixture
def by_hand(fake: FakePhanEdge) -> Iterator[Hand]:
    with hand(fake) as given:
        yield given


def taken(by_hand: Hand) -> Message:
    message = by_hand.take()
    assert message is not None
    return message


def rows(by_hand: Hand) -> dict[str, Any]:
    assert isinstance(by_hand.store, MemoryTickets)
    return by_hand.store._rows


def test_a_message_of_a_newer_version_goes_on_as_it_came(
    fake: FakePhanEdge, by_hand: Hand, caplog: pytest.LogCaptureFixture
) -> None:
    id = enqueue_video(REQUEST).id
    message = taken(by_hand)
    newer = {**stamp_of(message), "format": NEWER, "colour": "blue"}
    headers_of(message)["phanedge"] = newer
    before = by_hand.ticket(id)

    with caplog.at_level(logging.ERROR, "phanedge_celery"):
        by_hand.deliver(message)
    [passed_on] = by_hand.waiting()

    assert stamp_of(passed_on) == {**newer, "rounds": 1}
    assert headers_of(passed_on)["id"] == id
    assert by_hand.ticket(id) == before
    assert fake.requests == []
    assert "newer_format" in caplog.text
    assert f"format {NEWER}" in caplog.text


def test_a_ticket_of_a_newer_version_is_left_alone_and_its_message_goes_round(
    fake: FakePhanEdge, by_hand: Hand, caplog: pytest.LogCaptureFixture
) -> None:
    id = enqueue_video(REQUEST).id
    message = taken(by_hand)
    row = rows(by_hand)[id] = {**rows(by_hand)[id], "format": tickets.FORMAT + 1}

    with caplog.at_level(logging.ERROR, "phanedge_celery"):
        by_hand.deliver(message)
    [passed_on] = by_hand.waiting()

    assert stamp_of(passed_on) == {**stamp_of(message), "rounds": 1}
    assert rows(by_hand)[id] == row
    assert fake.requests == []
    assert "newer_format" in caplog.text
    with pytest.raises(TicketUnreadable, match=id):
        by_hand.store.read(id)


def test_a_message_and_a_ticket_of_the_first_shape_are_understood(
    fake: FakePhanEdge, by_hand: Hand
) -> None:
    job_id = fake.add_job("Processing", "Success")
    id = follow_video(job_id).id
    message = taken(by_hand)
    headers_of(message)["phanedge"] = {"version": 1}
    shape = ("id", "version", "stage", "since", "next_at", "message")
    row = rows(by_hand)[id]
    rows(by_hand)[id] = {k: v if k in shape else None for k, v in row.items()}

    by_hand.deliver(message)
    by_hand.deliver_all()

    assert by_hand.ticket(id).stage == "done"
    assert by_hand.ticket(id).job_id == job_id


@pytest.mark.parametrize("strange", ["text", 7, ["a"], None, {}], ids=repr)
def test_a_header_of_that_name_from_somebody_else_is_no_stamp(
    fake: FakePhanEdge, by_hand: Hand, strange: Any
) -> None:
    id = follow_video(fake.add_job("Success")).id
    message = taken(by_hand)
    headers_of(message)["phanedge"] = strange

    by_hand.deliver(message)
    by_hand.deliver_all()

    assert by_hand.ticket(id).stage == "done"


def test_a_message_that_comes_twice_is_asked_for_once(
    fake: FakePhanEdge, by_hand: Hand
) -> None:
    job_id = fake.add_job("Processing", "Processing", "Success")
    id = follow_video(job_id).id
    message = taken(by_hand)

    by_hand.deliver(message)
    by_hand.deliver(message)
    by_hand.deliver_all()

    assert by_hand.ticket(id).stage == "done"
    assert fake.polls_of(job_id) == 3


def test_a_job_whose_answer_met_no_store_is_adopted_and_not_bought_again(
    fake: FakePhanEdge, by_hand: Hand
) -> None:
    """The submission was claimed; its answer then went ahead of the ticket."""
    id = enqueue_video(REQUEST).id
    submission = taken(by_hand)
    claimed = by_hand.store.advance(id, 1, stage=tickets.Stage.SUBMITTING, next_at=0)
    assert claimed is not None
    assert claimed.message is not None
    job_id = fake.add_job("Processing", "Processing", "Success")
    poll = messages.handed_over(claimed.message, "phanedge.poll_video", (job_id,), {})
    stamp = messages.Stamp(version=claimed.version + 1, job_id=job_id)

    messages.send(by_hand.app, poll, stamp)
    by_hand.deliver_all()
    by_hand.deliver(submission)

    assert by_hand.ticket(id).stage == "done"
    assert by_hand.ticket(id).job_id == job_id
    assert fake.counts.get("create", 0) == 0
