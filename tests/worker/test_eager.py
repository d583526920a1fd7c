"""Eager mode: a whole job in this process, in its real order."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from celery import Celery, chain, chord, group
from celery.result import EagerResult

from phanedge_celery import (
    ConfigurationError,
    ContentRejected,
    JobFailed,
    PhanEdgeError,
    cancel_video,
    enqueue_video,
    follow_video,
    poll_video,
    resume_video,
    retrieve_file,
    submit_video,
    video_failed,
    video_progress,
    video_submitted,
    video_succeeded,
)
from phanedge_celery.testing import FakePhanEdge
from phanedge_celery.testing.fixtures import fake, no_waits
from phanedge_celery.testing.waits import without_waits
from phanedge_celery.tickets import close_stores
from tests.apps.plain import RECORD, collect, make_app, other, record, recorded

__all__ = ["fake", "no_waits"]

REQUEST = {"model": "MiniMax-Hailuo-02", "prompt": "A cat surfs."}


@pytest.fixture(params=[False, True], ids=["quiet", "propagates"])
def celery_app(request: pytest.FixtureRequest, fake: FakePhanEdge) -> Iterator[Celery]:
    """An eager app whose result backend and broker nobody answers."""
    app = make_app(
        {
            "PHANEDGE_TEST_BROKER": "memory://",
            "PHANEDGE_TEST_BACKEND": "redis://127.0.0.1:1/0",
            "PHANEDGE_TEST_BASE_URL": fake.url,
        }
    )
    app.conf.update(
        task_always_eager=True,
        task_eager_propagates=request.param,
        phanedge_api_key=fake.key,
    )
    app.set_current()
    yield app
    close_stores()


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "record.jsonl"
    monkeypatch.setenv(RECORD, str(path))
    return path


def endpoints(fake: FakePhanEdge) -> list[str]:
    return [request.endpoint for request in fake.requests]


@pytest.fixture
def quick(celery_app: Celery, no_waits: None) -> Celery:
    return celery_app


def ends_with(cause: type[PhanEdgeError], act: Any) -> PhanEdgeError:
    """Return the error of a call, or of its result where errors do not propagate."""
    with pytest.raises(cause) as caught:
        act().get()
    return caught.value


def test_a_whole_job_runs_before_enqueue_returns(
    fake: FakePhanEdge, quick: Celery
) -> None:
    fake.script("Queueing", "Processing", "Success")

    result = enqueue_video(REQUEST)

    assert isinstance(result, EagerResult)
    assert endpoints(fake) == ["create", *["query"] * 3, "retrieve"]
    assert result.get()["job_id"] == fake.job_id
    shown = video_progress(result.id)
    assert (shown["state"], shown["stage"], shown["polls"]) == ("SUCCESS", "done", 3)
    assert shown["video"] == result.get()
    assert shown["video"]["download_url"]
    assert json.loads(json.dumps(shown)) == shown


def test_a_job_that_fails_is_our_error(fake: FakePhanEdge, quick: Celery) -> None:
    fake.script("Processing", "query_fail_1027")

    error = ends_with(ContentRejected, lambda: enqueue_video(REQUEST))

    assert (error.code, error.job_id) == (1027, fake.job_id)
    assert "retrieve" not in endpoints(fake)


def test_a_job_of_somebody_else_is_followed(fake: FakePhanEdge, quick: Celery) -> None:
    job_id = fake.add_job("Processing", "Success")

    assert follow_video(job_id).get()["job_id"] == job_id
    assert endpoints(fake) == ["query", "query", "retrieve"]


def test_trouble_is_waited_out_in_place(fake: FakePhanEdge, quick: Celery) -> None:
    fake.script("query_rate_limited", "gateway_502", "Success")
    fake.play("gateway_429", on="create", times=2)

    assert enqueue_video(REQUEST).get()["file_id"]
    assert fake.counts["create"] == 3
    assert len(fake.jobs) == 1


def test_a_task_may_be_applied_or_called_directly(
    fake: FakePhanEdge, quick: Celery
) -> None:
    fake.script("Processing", "Success", times=None)

    applied = submit_video.delay(REQUEST).get()
    called = submit_video(REQUEST)

    assert applied["job_id"] != called["job_id"]
    assert len(fake.jobs) == 2


def test_a_chain_and_a_chord_get_the_video(fake: FakePhanEdge, quick: Celery) -> None:
    jobs = [fake.add_job("Processing", "Success") for _ in range(2)]

    tail = chain(submit_video.s(REQUEST), other.s())().get()
    body = chord([poll_video.s(job) for job in jobs], collect.s())().get()
    both = group(poll_video.s(job) for job in jobs)().get()
    apart = chain(poll_video.s(jobs[0], retrieve=False), retrieve_file.s())().get()

    assert tail["seen"]["file_id"]
    assert [video["job_id"] for video in body["collected"]] == jobs
    assert [video["job_id"] for video in both] == jobs
    assert (apart["job_id"], bool(apart["download_url"])) == (jobs[0], True)


def test_a_link_is_called_once(fake: FakePhanEdge, quick: Celery, notes: Path) -> None:
    fake.script("Processing", "Success")

    enqueue_video(REQUEST, link=record.si(label="link"))

    assert len(recorded(notes, "link")) == 1


def test_a_link_error_is_called_once(
    fake: FakePhanEdge, celery_app: Celery, no_waits: None, notes: Path
) -> None:
    fake.script("Fail")

    ends_with(
        JobFailed,
        lambda: enqueue_video(REQUEST, link_error=record.s(label="error")),
    )

    # Celery calls no errback where errors propagate to the caller.
    called = 0 if celery_app.conf.task_eager_propagates else 1
    assert len(recorded(notes, "error")) == called


def test_signals_are_sent_in_the_order_of_the_job(
    fake: FakePhanEdge, quick: Celery
) -> None:
    heard: list[str] = []

    def hear(name: str) -> Any:
        return lambda **_: heard.append(name)

    receivers = {
        "submitted": (video_submitted, hear("submitted")),
        "succeeded": (video_succeeded, hear("succeeded")),
        "failed": (video_failed, hear("failed")),
    }
    for signal, receiver in receivers.values():
        signal.connect(receiver, weak=False)
    try:
        fake.script("Processing", "Success")
        enqueue_video(REQUEST)
        follow_video(fake.add_job("Success"))
    finally:
        for signal, receiver in receivers.values():
            signal.disconnect(receiver)

    assert heard == ["submitted", "succeeded", "succeeded"]


def test_a_key_gives_the_finished_job_again(fake: FakePhanEdge, quick: Celery) -> None:
    first = enqueue_video(REQUEST, key="order-42/1")
    again = enqueue_video(REQUEST, key="order-42/1")

    assert (again.id, again.get()) == (first.id, first.get())
    assert fake.counts["create"] == 1


def test_a_failure_is_resumed_in_place(fake: FakePhanEdge, quick: Celery) -> None:
    fake.script("Processing", "gateway_401_quota")
    with pytest.raises(PhanEdgeError):
        enqueue_video(REQUEST, task_id="an-id").get()
    fake.script("Success", job=fake.job_id)

    assert resume_video("an-id")["resumed"] == "reopened"
    assert video_progress("an-id")["state"] == "SUCCESS"


def test_a_finished_job_is_too_late_to_cancel(
    fake: FakePhanEdge, quick: Celery
) -> None:
    result = enqueue_video(REQUEST)

    assert cancel_video(result.id)["stopped"] == "too_late"


def test_a_missing_key_is_told_at_once(fake: FakePhanEdge, quick: Celery) -> None:
    quick.conf.phanedge_api_key = None

    ends_with(ConfigurationError, lambda: enqueue_video(REQUEST))

    assert fake.requests == []


def test_waits_follow_the_schedule(fake: FakePhanEdge, celery_app: Celery) -> None:
    celery_app.conf.phanedge_schedule = {"first": 0.3, "every": 0.2, "jitter": 0}
    fake.script("Processing", "Processing", "Success")

    enqueue_video(REQUEST)

    at = [request.at for request in fake.requests]
    waits = [later - sooner for sooner, later in pairwise(at)]
    to_first, *to_poll, to_retrieve = waits
    assert to_first >= 0.3
    assert all(wait >= 0.2 for wait in to_poll)
    assert to_retrieve < 0.2


def test_without_waits_nothing_is_slept(fake: FakePhanEdge, quick: Celery) -> None:
    fake.script(*["Processing"] * 20, "Success")
    begun = time.monotonic()

    enqueue_video(REQUEST)

    assert time.monotonic() - begun < 5
    assert fake.polls == 21


@pytest.mark.parametrize(
    "url", [None, "https://models.phanedge.cloud", "http://localhost.example.com", "x"]
)
def test_no_waits_is_refused_against_a_real_service(
    celery_app: Celery, monkeypatch: pytest.MonkeyPatch, url: str | None
) -> None:
    monkeypatch.delenv("PHANEDGE_BASE_URL", raising=False)
    celery_app.conf.phanedge_base_url = url

    with pytest.raises(ValueError, match="on this machine"), without_waits(celery_app):
        pass


def test_the_schedule_comes_back_afterwards(
    fake: FakePhanEdge, celery_app: Celery
) -> None:
    celery_app.conf.phanedge_schedule = {"every": 7}

    with without_waits(celery_app):
        assert celery_app.conf.phanedge_schedule["every"] == 0

    assert celery_app.conf.phanedge_schedule == {"every": 7}
