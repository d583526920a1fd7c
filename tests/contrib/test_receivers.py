"""Those who listen to a job in a Django project."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from celery import Celery
from django.contrib.auth.models import User
from django.db import transaction
from django.dispatch import receiver

from phanedge_celery import enqueue_video, video_progress
from phanedge_celery.signals import (
    video_failed,
    video_status_changed,
    video_submitted,
    video_succeeded,
)
from phanedge_celery.testing import FakePhanEdge
from tests.contrib.conftest import REQUEST

ALL = [video_submitted, video_status_changed, video_succeeded, video_failed]


@contextmanager
def listening(signal: Any, hear: Any) -> Iterator[None]:
    """Have *hear* called, connected as Django's documentation connects receivers."""
    receiver(signal, weak=False)(hear)
    yield
    signal.disconnect(hear)


def test_a_receiver_writes_to_the_database(eager_app: Celery) -> None:
    def note(*, id: str, video: dict[str, Any], **_: Any) -> None:
        with transaction.atomic():
            User.objects.create_user(id, last_name=video["file_id"])

    with listening(video_succeeded, note):
        result = enqueue_video(REQUEST)

    assert User.objects.get(username=result.id).last_name == result.get()["file_id"]


@pytest.mark.parametrize("signal", ALL, ids=lambda signal: signal.name)
@pytest.mark.parametrize(
    ("end", "state"), [("Success", "SUCCESS"), ("Fail", "FAILURE")]
)
def test_a_receiver_that_fails_fails_no_job(
    eager_app: Celery, fake: FakePhanEdge, signal: Any, end: str, state: str
) -> None:
    called = []

    def fails(**_: Any) -> None:
        called.append(signal.name)
        with transaction.atomic():
            User.objects.create_user("somebody")
            raise ValueError("a mistake of the host's")

    fake.script("Processing", end)
    with listening(signal, fails):
        id = enqueue_video(REQUEST).id

    assert video_progress(id)["state"] == state
    assert len(fake.jobs) == 1
    assert not User.objects.exists()
    opposite = {"SUCCESS": "video_failed", "FAILURE": "video_succeeded"}[state]
    assert bool(called) is (signal.name != opposite)
