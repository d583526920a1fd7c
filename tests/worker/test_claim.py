"""What a step claims before it acts, and when."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from phanedge_celery import JobFailed, endings, enqueue_video
from phanedge_celery.errors import error_fields
from phanedge_celery.testing import FakePhanEdge
from phanedge_celery.testing.fixtures import fake
from phanedge_celery.tickets import Stage, Ticket, TicketStoreUnavailable
from phanedge_celery.tickets.memory import MemoryTickets
from phanedge_celery.tickets.opening import _opened
from tests.worker.hand import hand

__all__ = ["fake"]

REQUEST = {"model": "MiniMax-Hailuo-02", "prompt": "A cat."}


def test_a_step_that_cannot_post_claims_no_submission(
    fake: FakePhanEdge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is killed after a claim leaves a submission that nobody can vouch for.

    So all that takes time, the import of the client above all, comes before it.
    """
    monkeypatch.setenv("HTTPS_PROXY", "nonsense://proxy")
    with hand(fake, phanedge_base_url="https://models.phanedge.cloud") as by_hand:
        id = enqueue_video(REQUEST).id

        [message] = by_hand.waiting()
        by_hand.deliver(message)

        ticket = by_hand.ticket(id)
        assert ticket.stage == "queued"
        assert ticket.error is not None
        assert ticket.error["type"] == "ConfigurationError"
        assert ticket.version == 2, "claimed, and put back"


class LosesAnswers:
    """A store whose answer to a claim is lost, after another has claimed or not."""

    def __init__(self, store: MemoryTickets, rival: bool) -> None:
        self.store = store
        self.rival = rival

    def advance(self, id: str, version: int, *, stage: Stage, **changes: Any) -> Any:
        if stage is not Stage.SUBMITTING:
            return self.store.advance(id, version, stage=stage, **changes)
        if self.rival:
            changes["next_at"] += 0.001
        self.store.advance(id, version, stage=stage, **changes)
        raise TicketStoreUnavailable("the connection was reset")

    def read(self, id: str) -> Ticket | None:
        return self.store.read(id)


@pytest.mark.parametrize(("rival", "posts"), [(False, 1), (True, 0)])
def test_a_claim_whose_answer_is_lost_is_known_again_and_a_rivals_is_not(
    fake: FakePhanEdge, monkeypatch: pytest.MonkeyPatch, rival: bool, posts: int
) -> None:
    with hand(fake) as by_hand:
        id = enqueue_video(REQUEST).id
        [message] = by_hand.waiting()
        store = by_hand.store
        assert isinstance(store, MemoryTickets)

        monkeypatch.setitem(_opened, key_of(store), LosesAnswers(store, rival))
        by_hand.deliver(message)

        assert len(fake.posts) == posts
        assert store.read(id).stage == ("polling" if posts else "submitting")  # type: ignore[union-attr]


class Forgets:
    """A store that loses everything right before the first claim."""

    def __init__(self, store: MemoryTickets) -> None:
        self.store = store
        self.forgot = False

    def advance(self, id: str, version: int, *, stage: Stage, **changes: Any) -> Any:
        if stage is Stage.SUBMITTING and not self.forgot:
            self.forgot = True
            self.store.clear()
        return self.store.advance(id, version, stage=stage, **changes)

    def create(self, ticket: Ticket) -> bool:
        return self.store.create(ticket)

    def read(self, id: str) -> Ticket | None:
        return self.store.read(id)


def test_a_ticket_that_was_lost_before_the_claim_allows_no_post(
    fake: FakePhanEdge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another copy of the message may have claimed it, and posted, before it was."""
    with hand(fake) as by_hand:
        id = enqueue_video(REQUEST).id
        [message] = by_hand.waiting()
        store = by_hand.store
        assert isinstance(store, MemoryTickets)

        monkeypatch.setitem(_opened, key_of(store), Forgets(store))
        by_hand.deliver(message)

        assert not fake.posts
        assert by_hand.ticket(id).stage == "submitting"
        assert not by_hand.waiting()


def key_of(store: MemoryTickets) -> Any:
    return next(key for key, found in _opened.items() if found is store)


def test_a_lost_ticket_made_again_meanwhile_ends_with_the_error_that_was_told(
    fake: FakePhanEdge,
) -> None:
    error = error_fields(JobFailed("the render broke"))
    with hand(fake) as by_hand:
        store = by_hand.store
        told = Ticket(id="a", version=3, stage=Stage.ENDING, since=0, error=error)
        store.create(replace(told, stage=Stage.POLLING, error=None))

        endings.close(by_hand.app.tasks["phanedge.poll_video"], store, told)

        ended = store.read("a")
        assert ended is not None
        assert (ended.stage, ended.error) == (Stage.FAILED, error)
