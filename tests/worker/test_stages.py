"""`tickets.FOLLOWED_BY` has all that can come after a stage, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from phanedge_celery import (
    cancel_video,
    enqueue_video,
    follow_video,
    messages,
    resume_video,
    submit_video,
)
from phanedge_celery.settings import settings_for
from phanedge_celery.testing import FakePhanEdge, fail
from phanedge_celery.testing.fixtures import fake
from phanedge_celery.tickets import FOLLOWED_BY, Stage, opening
from tests.worker.hand import Hand, hand
from tests.worker.noting import NotingTickets, Pair

__all__ = ["fake"]

REQUEST: Final = {"model": "MiniMax-Hailuo-02", "prompt": "A cat surfs."}
ENDLESS: Final[dict[str, Any]] = {"times": None}


@pytest.fixture
def by_hand(fake: FakePhanEdge, tmp_path: Path) -> Iterator[Hand]:
    with hand(fake, phanedge_storage=str(tmp_path)) as given:
        settings = settings_for(given.app)
        key = (os.getpid(), str(settings.tickets), settings.remember)
        opening._opened[key] = NotingTickets()
        yield given


def seen(by_hand: Hand) -> set[Pair]:
    assert isinstance(by_hand.store, NotingTickets)
    return by_hand.store.seen


def until(by_hand: Hand, id: str, stage: Stage) -> None:
    """Deliver message after message, until the job is at that stage."""
    while by_hand.ticket(id).stage is not stage:
        message = by_hand.take()
        assert message is not None, by_hand.ticket(id)
        by_hand.deliver(message)


def saved(fake: FakePhanEdge, by_hand: Hand) -> None:
    enqueue_video(REQUEST, save_to="a.mp4")
    by_hand.deliver_all()


def described(fake: FakePhanEdge, by_hand: Hand) -> None:
    enqueue_video(REQUEST)
    by_hand.deliver_all()


def limited(fake: FakePhanEdge, by_hand: Hand) -> None:
    fake.play("create_rate_limited_1002")
    described(fake, by_hand)


def refused(fake: FakePhanEdge, by_hand: Hand) -> None:
    fake.play("create_rejected_1026")
    described(fake, by_hand)


def followed(fake: FakePhanEdge, by_hand: Hand) -> None:
    follow_video(fake.add_job("Processing", fail(1027, "output new_sensitive")))
    by_hand.deliver_all()


def found_finished(fake: FakePhanEdge, by_hand: Hand) -> None:
    follow_video(fake.add_job("Success"))
    by_hand.deliver_all()


def not_even_asked(fake: FakePhanEdge, by_hand: Hand) -> None:
    submit_video.delay({"model": ""})
    by_hand.deliver_all()


def a_url_alone(fake: FakePhanEdge, by_hand: Hand) -> None:
    job_id = fake.add_job("Success")
    url = {"file_id": "", "video_url": f"{fake.url}/nowhere.mp4"}
    fake.script("Processing", {"status": "Success", **url}, job=job_id)
    id = follow_video(job_id, save_to="a.mp4").id
    until(by_hand, id, Stage.SAVING)
    by_hand.deliver_all()


def cancelled_at(stage: Stage) -> Callable[[FakePhanEdge, Hand], None]:
    def cancelled(fake: FakePhanEdge, by_hand: Hand) -> None:
        id = enqueue_video(REQUEST, save_to="a.mp4").id
        until(by_hand, id, stage)
        cancel_video(id)
        by_hand.deliver_all()

    cancelled.__name__ = f"cancelled_while_{stage}"
    return cancelled


def cancelled_in_the_post(fake: FakePhanEdge, by_hand: Hand) -> None:
    id = enqueue_video(REQUEST).id
    by_hand.store.advance(id, 1, stage=Stage.SUBMITTING, next_at=None)
    cancel_video(id)
    by_hand.deliver_all()


def resumed_after(sample: str, on: str) -> Callable[[FakePhanEdge, Hand], None]:
    def resumed(fake: FakePhanEdge, by_hand: Hand) -> None:
        fake.play(sample, on=on, **ENDLESS)
        id = enqueue_video(REQUEST).id
        by_hand.deliver_all()
        assert by_hand.ticket(id).stage is Stage.FAILED, by_hand.ticket(id)
        fake.clear_faults()
        resume_video(id)
        by_hand.deliver_all()

    resumed.__name__ = f"resumed_after_{sample}_on_{on}"
    return resumed


def resumed_after_a_full_disk(fake: FakePhanEdge, by_hand: Hand) -> None:
    folder = Path(by_hand.app.conf.phanedge_storage)
    (folder / "taken").write_text("a file where a folder is wanted")
    id = enqueue_video(REQUEST, save_to="taken/a.mp4").id
    by_hand.deliver_all()
    assert by_hand.ticket(id).stage is Stage.FAILED, by_hand.ticket(id)
    resume_video(id)


def adopted_while_it_ends(fake: FakePhanEdge, by_hand: Hand) -> None:
    """The submission is being given up when its late answer comes."""
    id = enqueue_video(REQUEST).id
    by_hand.waiting()
    store = by_hand.store
    claimed = store.advance(id, 1, stage=Stage.SUBMITTING, next_at=0)
    assert claimed is not None
    assert claimed.message is not None
    error = {"type": "SubmissionUnknown", "message": "", "resumable": False}
    nothing = {"code": None, "job_id": None, "http_status": None, "request_id": None}
    store.advance(id, 2, stage=Stage.ENDING, error={**error, **nothing}, next_at=0)
    job_id = fake.add_job("Success")
    late = messages.handed_over(claimed.message, "phanedge.poll_video", (job_id,), {})
    messages.send(by_hand.app, late, messages.Stamp(version=3, job_id=job_id))
    by_hand.deliver_all()


def _emptied(folder: Path) -> None:
    for file in filter(Path.is_file, folder.iterdir()):
        file.unlink()


STORIES: Final = [
    saved,
    described,
    limited,
    refused,
    followed,
    found_finished,
    not_even_asked,
    a_url_alone,
    cancelled_at(Stage.QUEUED),
    cancelled_at(Stage.POLLING),
    cancelled_at(Stage.RETRIEVING),
    cancelled_at(Stage.SAVING),
    cancelled_in_the_post,
    resumed_after("create_rejected_1004", "create"),
    resumed_after("query_auth_1004", "query"),
    resumed_after("query_auth_1004", "retrieve"),
    resumed_after_a_full_disk,
    adopted_while_it_ends,
]
TABLE: Final = {(before, after) for before, row in FOLLOWED_BY.items() for after in row}


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_no_story_leaves_the_table(
    fake: FakePhanEdge, by_hand: Hand, story: Callable[[FakePhanEdge, Hand], None]
) -> None:
    story(fake, by_hand)

    moved = {(before, after) for before, after in seen(by_hand) if before != after}
    assert moved
    assert moved <= TABLE


def test_every_row_of_the_table_has_its_story(
    fake: FakePhanEdge, by_hand: Hand
) -> None:
    for story in STORIES:
        story(fake, by_hand)
        fake.reset()
        _emptied(Path(by_hand.app.conf.phanedge_storage))

    assert not TABLE - seen(by_hand)
