"""Bad input: a clear error at once; no request, no message, no ticket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from phanedge_celery import (
    ConfigurationError,
    RequestInvalid,
    enqueue_video,
    follow_video,
    video_progress,
)
from phanedge_celery.settings import check_app
from phanedge_celery.testing import FakePhanEdge
from phanedge_celery.testing.fixtures import fake
from tests.apps.plain import make_app
from tests.worker.hand import Hand, hand

__all__ = ["fake"]

MODEL = "MiniMax-Hailuo-02"
REQUEST = {"model": MODEL, "prompt": "A cat surfs."}


@pytest.fixture
def by_hand(fake: FakePhanEdge) -> Iterator[Hand]:
    with hand(fake) as given:
        yield given


def assert_nothing_was_sent(fake: FakePhanEdge, by_hand: Hand) -> None:
    assert fake.requests == []
    assert by_hand.waiting() == []
    assert list(by_hand.store.jobs()) == []


REQUESTS: dict[str, tuple[Any, str]] = {
    "empty_prompt": ({"model": MODEL, "prompt": ""}, "prompt"),
    "blank_prompt": ({"model": MODEL, "prompt": "  "}, "prompt"),
    "no_prompt": ({"model": MODEL}, "prompt"),
    "number_as_prompt": ({"model": MODEL, "prompt": 7}, "prompt"),
    "list_as_prompt": ({"model": MODEL, "prompt": ["a"]}, "prompt"),
    "2001_characters": ({"model": MODEL, "prompt": "x" * 2001}, "2001 characters"),
    "no_model": ({"prompt": "A cat."}, "model"),
    "duration_as_text": ({**REQUEST, "duration": "6"}, "duration"),
    "duration_zero": ({**REQUEST, "duration": 0}, "duration"),
    "optimizer_as_text": ({**REQUEST, "prompt_optimizer": "yes"}, "prompt_optimizer"),
    "frame_is_no_url": ({**REQUEST, "first_frame_image": "cat.png"}, "first_frame"),
    "two_subjects": ({**REQUEST, "subject_reference": [{}, {}]}, "subject_reference"),
    "not_json": ({**REQUEST, "seed": object()}, "JSON"),
    "nan": ({**REQUEST, "seed": float("nan")}, "JSON"),
    "too_large": ({**REQUEST, "x": "a" * (1 << 20)}, "MiB"),
    "a_text": ("A cat surfs.", "dict"),
    "none": (None, "dict"),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_that_can_never_be_accepted_is_refused_at_once(
    fake: FakePhanEdge, by_hand: Hand, name: str
) -> None:
    request, named = REQUESTS[name]

    with pytest.raises(RequestInvalid, match=named):
        enqueue_video(request)

    assert_nothing_was_sent(fake, by_hand)


JOB_IDS: dict[str, Any] = {
    "empty": "",
    "path": "../x",
    "query": "1&file_id=2",
    "newline": "1\n2",
    "10_kB": "1" * 10_000,
    "none": None,
    "negative": -1,
    "bool": True,
    "float": 1.5,
    "list": ["1"],
}


@pytest.mark.parametrize("name", JOB_IDS)
def test_what_can_be_no_job_id_is_refused_at_once(
    fake: FakePhanEdge, by_hand: Hand, name: str
) -> None:
    with pytest.raises(RequestInvalid, match="job_id"):
        follow_video(JOB_IDS[name])

    assert_nothing_was_sent(fake, by_hand)


def test_an_int_is_taken_as_its_digits(fake: FakePhanEdge, by_hand: Hand) -> None:
    job_id = fake.add_job("Success")
    id = follow_video(int(job_id)).id

    by_hand.deliver_all()

    assert video_progress(id)["job_id"] == job_id


@pytest.mark.parametrize("wait", ["60", 0, -1, float("inf"), float("nan"), True, [5]])
@pytest.mark.parametrize("act", [enqueue_video, follow_video])
def test_what_can_be_no_wait_is_refused_at_once(
    fake: FakePhanEdge, by_hand: Hand, act: Callable[..., Any], wait: Any
) -> None:
    asked: Any = REQUEST if act is enqueue_video else "106916112212032"

    with pytest.raises(RequestInvalid, match="max_wait"):
        act(asked, max_wait=wait)

    assert_nothing_was_sent(fake, by_hand)


def test_options_that_are_no_json_are_refused_at_once(
    fake: FakePhanEdge, by_hand: Hand
) -> None:
    with pytest.raises(RequestInvalid, match="JSON"):
        enqueue_video(REQUEST, headers={"tenant": object()})

    assert_nothing_was_sent(fake, by_hand)


@pytest.mark.parametrize(
    ("conf", "named"),
    [
        ({"phanedge_api_kye": "k"}, "phanedge_api_key"),
        ({"phanedge_schedule": {"evry": 5}}, "every"),
        ({"phanedge_max_wait": "long"}, "phanedge_max_wait"),
        ({"phanedge_base_url": "http://example.com"}, "https"),
    ],
    ids=["unknown_key", "unknown_field", "wrong_type", "plain_http"],
)
def test_a_wrong_setting_is_named_and_nothing_is_sent(
    fake: FakePhanEdge, conf: dict[str, Any], named: str
) -> None:
    with hand(fake, **conf) as by_hand:
        with pytest.raises(ConfigurationError, match=named):
            enqueue_video(REQUEST)

        assert by_hand.waiting() == []
    assert fake.requests == []


@pytest.mark.parametrize(
    ("conf", "named"),
    [
        ({"result_backend": "rpc://"}, "result_backend"),
        ({"result_backend": None}, "result_backend"),
        ({"broker_url": "filesystem://"}, "broker_url"),
    ],
    ids=["rpc", "disabled", "filesystem"],
)
def test_what_cannot_serve_stops_a_worker_at_its_start(
    conf: dict[str, Any], named: str
) -> None:
    app = make_app({})
    app.conf.update(conf)

    with app, pytest.raises(ConfigurationError, match=named):
        check_app(app)


@pytest.mark.parametrize("id", ["", "a\nb", "x" * 300, None, 7, b"x", "never-seen"])
def test_progress_of_any_id_is_a_plain_pending_one(by_hand: Hand, id: Any) -> None:
    shown = video_progress(id)

    assert (shown["state"], shown["stage"], shown["error"]) == ("PENDING", None, None)
