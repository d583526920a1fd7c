"""Asking for a video in a transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from django.contrib.auth.models import User
from django.db import connections, transaction

from phanedge_celery import RequestInvalid, enqueue_video
from phanedge_celery.contrib.django import enqueue_video_on_commit
from phanedge_celery.tickets import TicketStoreUnavailable, store_for
from tests.contrib.conftest import REQUEST, celery_app, sent


class Changed(Exception):
    """Somebody's mind, in the middle of a transaction."""


def test_nothing_is_written_or_sent_before_the_commit(app: Celery) -> None:
    with transaction.atomic():
        id = enqueue_video_on_commit(REQUEST)
        assert store_for(app).read(id) is None
        assert sent(app) == 0

    assert store_for(app).read(id) is not None
    assert sent(app) == 1


def test_a_rollback_sends_nothing_and_leaves_no_ticket(app: Celery) -> None:
    ids = []
    with suppress(Changed), transaction.atomic():
        ids.append(enqueue_video_on_commit(REQUEST))
        raise Changed

    assert store_for(app).read(ids[0]) is None
    assert sent(app) == 0


def test_outside_a_transaction_it_is_sent_at_once(app: Celery) -> None:
    enqueue_video_on_commit(REQUEST)

    assert sent(app) == 1


@pytest.fixture
def other(app: Celery, tmp_path: Path) -> Iterator[str]:
    """A second database, under the name it has among Django's."""
    before = connections.settings
    second = {"ENGINE": "django.db.backends.sqlite3", "NAME": tmp_path / "other.db"}
    connections.settings = connections.configure_settings({**before, "other": second})
    yield "other"
    connections["other"].close()
    del connections["other"]
    connections.settings = before


def test_it_waits_for_the_database_that_it_is_told_to_wait_for(
    app: Celery, other: str
) -> None:
    with transaction.atomic(using=other):
        enqueue_video_on_commit(REQUEST, using=other)
        assert sent(app) == 0
        enqueue_video_on_commit(REQUEST)
        assert sent(app) == 1

    assert sent(app) == 1


def test_a_rollback_of_that_database_sends_nothing(app: Celery, other: str) -> None:
    with suppress(Changed), transaction.atomic(using=other):
        enqueue_video_on_commit(REQUEST, using=other)
        raise Changed

    assert sent(app) == 0


def test_the_hosts_task_class_stays_what_it_is(database: Any, fake: Any) -> None:
    with celery_app(fake, task_always_eager=True) as app:
        # What Celery sets where DJANGO_SETTINGS_MODULE is in the environment.
        app.task_cls = "celery.contrib.django.task:DjangoTask"
        step: Any = app.tasks["phanedge.submit_video"]
        with transaction.atomic():
            step.delay_on_commit(REQUEST)
            assert not fake.jobs

        assert len(fake.jobs) == 1


def test_the_id_is_the_one_that_enqueue_video_gives_the_key(app: Celery) -> None:
    with transaction.atomic():
        id = enqueue_video_on_commit(REQUEST, key="order-42/1")

    assert enqueue_video(REQUEST, key="order-42/1").id == id


def test_a_key_that_is_asked_for_twice_in_a_transaction_is_sent_once(
    app: Celery,
) -> None:
    with transaction.atomic():
        ids = {enqueue_video_on_commit(REQUEST, key="order-42/1") for _ in range(2)}

    assert len(ids) == 1
    assert sent(app) == 1


def test_an_impossible_request_is_refused_inside_the_transaction(app: Celery) -> None:
    with transaction.atomic(), pytest.raises(RequestInvalid):
        enqueue_video_on_commit({"model": "MiniMax-Hailuo-02", "prompt": 7})

    assert sent(app) == 0


def test_what_is_asked_for_is_what_was_said_inside_the_transaction(
    app: Celery,
) -> None:
    app.conf.phanedge_storage = "memory://videos"
    request = dict(REQUEST)
    with transaction.atomic():
        id = enqueue_video_on_commit(request, save_to="a.mp4", max_wait=60, priority=3)
        request["prompt"] = "A dog."

    ticket = store_for(app).read(id)
    assert ticket is not None
    assert ticket.message is not None
    assert ticket.message["args"] == [REQUEST]
    assert (ticket.save_to, ticket.max_wait) == ("a.mp4", 60)
    assert ticket.message["options"]["priority"] == 3


def test_a_ticket_store_that_is_away_is_told_after_the_commit(app: Celery) -> None:
    app.conf.phanedge_tickets = "redis://127.0.0.1:1/0"

    def view() -> None:
        with transaction.atomic():
            User.objects.create_user("somebody")
            enqueue_video_on_commit(REQUEST)

    with pytest.raises(TicketStoreUnavailable):
        view()

    assert User.objects.filter(username="somebody").exists()


def test_enqueue_video_in_a_transaction_writes_its_ticket_there(app: Celery) -> None:
    ids: list[str] = []
    with suppress(Changed), transaction.atomic():
        ids.append(enqueue_video(REQUEST).id)
        assert store_for(app).read(ids[0]) is not None
        raise Changed

    assert store_for(app).read(ids[0]) is None


def test_a_used_id_does_not_break_the_callers_transaction(app: Celery) -> None:
    enqueue_video(REQUEST, key="order-42/1")

    with transaction.atomic():
        again = enqueue_video(REQUEST, key="order-42/1")
        other = enqueue_video(REQUEST)

    assert store_for(app).read(other.id) is not None
    assert again.id != other.id
