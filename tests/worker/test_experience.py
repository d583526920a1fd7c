"""What a user's own finished jobs teach: when to ask first, how long to expect."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from celery import Celery

from phanedge_celery import enqueue_video, experience, follow_video, video_progress
from phanedge_celery.schedule import PollSchedule
from phanedge_celery.testing import FakePhanEdge
from phanedge_celery.testing.fixtures import fake
from phanedge_celery.tickets import (
    Stage,
    Ticket,
    TicketStore,
    TicketStoreUnavailable,
    close_stores,
    open_store,
    store_for,
)
from tests.apps.plain import make_app
from tests.servers import free_port

__all__ = ["fake"]

MODEL = "MiniMax-Hailuo-2.3"
DONE = Ticket(
    id="a",
    since=0,
    stage=Stage.DONE,
    model=MODEL,
    resolution="768P",
    submitted_at=1_764_000_000.0,
    ended_at=1_764_000_900.0,
    video={"retrieved_at": "2025-11-24T16:01:30Z"},
)


@pytest.fixture
def app(fake: FakePhanEdge) -> Iterator[Celery]:
    """An eager app that does not wait."""
    app = make_app({"PHANEDGE_TEST_BASE_URL": fake.url})
    app.conf.update(
        task_always_eager=True,
        phanedge_api_key=fake.key,
        phanedge_schedule={"first": 0, "every": 0},
    )
    yield app
    close_stores()


@pytest.fixture
def store(app: Celery) -> TicketStore:
    return store_for(app, eager=True)


def test_a_finished_job_is_remembered_by_its_model_and_resolution(
    app: Celery, store: TicketStore, fake: FakePhanEdge
) -> None:
    request = {"model": MODEL, "prompt": "A cat surfs.", "resolution": "768P"}
    fake.script("Success", prompt="surfs")
    enqueue_video(request, app=app)
    fake.script("Fail", prompt="fails")
    enqueue_video({**request, "prompt": "A cat fails."}, app=app)
    follow_video(fake.add_job(), app=app)

    (seconds,) = store.took(f"{MODEL} 768P")
    assert 0 <= seconds < 60


def test_the_time_to_keep_a_file_is_not_the_services(store: TicketStore) -> None:
    experience.note(store, DONE)
    experience.note(store, replace(DONE, video={}))

    assert store.took(f"{MODEL} 768P") == [90.0, 900.0]


def test_twenty_jobs_of_a_kind_say_when_to_ask_and_what_to_expect(
    app: Celery, store: TicketStore
) -> None:
    waiting = replace(DONE, id="b", stage=Stage.POLLING, video=None, ended_at=None)
    store.create(waiting)
    for _ in range(19):
        experience.note(store, DONE)
    assert experience.first_wait(store, waiting, PollSchedule()) == 30
    shown = video_progress("b", app=app)
    assert (shown["expected_seconds"], shown["expected_at_most"]) == (120, None)

    experience.note(store, DONE)

    assert experience.first_wait(store, waiting, PollSchedule()) == 45
    shown = video_progress("b", app=app)
    assert (shown["expected_seconds"], shown["expected_at_most"]) == (90, 90)
    other = replace(waiting, resolution="1080P")
    assert experience.first_wait(store, other, PollSchedule()) == 30


def test_before_that_the_table_says_when_to_ask(store: TicketStore) -> None:
    known = replace(DONE, model="MiniMax-Hailuo-02", resolution="1080P")

    assert experience.first_wait(store, known, PollSchedule()) == 96


def test_a_store_that_is_away_teaches_nothing_and_harms_nothing() -> None:
    away = open_store(f"redis://127.0.0.1:{free_port()}/0", remember=60)
    with pytest.raises(TicketStoreUnavailable):
        away.took("any")

    experience.note(away, DONE)

    assert experience.first_wait(away, DONE, PollSchedule()) == 30
