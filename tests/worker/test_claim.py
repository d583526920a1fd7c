"""What a step claims before it acts, and when."""

from __future__ import annotations

import pytest

from phanedge_celery import enqueue_video
from phanedge_celery.testing import FakePhanEdge
from phanedge_celery.testing.fixtures import fake
from tests.worker.hand import hand

__all__ = ["fake"]


def test_a_step_that_cannot_post_claims_no_submission(
    fake: FakePhanEdge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is killed after a claim leaves a submission that nobody can vouch for.

    So all that takes time, the import of the client above all, comes before it.
    """
    monkeypatch.setenv("HTTPS_PROXY", "nonsense://proxy")
    with hand(fake, phanedge_base_url="https://models.phanedge.cloud") as by_hand:
        id = enqueue_video({"model": "MiniMax-Hailuo-02", "prompt": "A cat."}).id

        [message] = by_hand.waiting()
        by_hand.deliver(message)

        ticket = by_hand.ticket(id)
        assert ticket.stage == "queued"
        assert ticket.error is not None
        assert ticket.error["type"] == "ConfigurationError"
        assert ticket.version == 2, "claimed, and put back"
