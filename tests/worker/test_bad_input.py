"""Bad input: a clear error at once; no request, no message, no ticket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from phanedge_celery import (
    ConfigurationError,
    JobNotFound,
    RequestInvalid,
    cancel_video,
    enqueue_video,
    follow_video,
    resume_video,
    video_progress,
)
from phanedge_celery.testing import FakePhanEdge
from phanedge_celery.testing.fixtures import fake
from tests.apps.plain import environment, make_app
from tests.worker.hand import Hand, hand
from tests.workers import WorkerProcess

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


NAMES: dict[str, Any] = {
    "empty": "",
    "blank": "  ",
    "newline": "a\nb",
    "nul": "a\0b",
    "half_a_letter": "a\ud800",
    "10_kB": "x" * 10_000,
    "an_int": 7,
    "bytes": b"order-42",
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("what", ["key", "task_id"])
@pytest.mark.parametrize("act", [enqueue_video, follow_video])
def test_what_names_no_attempt_is_refused_at_once(
    fake: FakePhanEdge, by_hand: Hand, act: Callable[..., Any], what: str, name: str
) -> None:
    asked: Any = REQUEST if act is enqueue_video else "106916112212032"

    with pytest.raises(RequestInvalid, match=what):
        act(asked, **{what: NAMES[name]})

    assert_nothing_was_sent(fake, by_hand)


@pytest.mark.parametrize(
    "when",
    [{"countdown": "soon"}, {"countdown": [1]}, {"eta": "soon"}, {"eta": 5}],
    ids=str,
)
def test_what_is_no_time_to_begin_at_is_refused_at_once(
    fake: FakePhanEdge, by_hand: Hand, when: dict[str, Any]
) -> None:
    with pytest.raises(
        RequestInvalid, match="no time to begin at.*" + next(iter(when))
    ):
        enqueue_video(REQUEST, **when)

    assert_nothing_was_sent(fake, by_hand)


@pytest.mark.parametrize("id", ["", "a\nb", "x" * 10_000, None, 7, b"x", "a\ud800"])
@pytest.mark.parametrize("act", [cancel_video, resume_video])
def test_what_can_be_no_id_of_ours_is_not_known(
    fake: FakePhanEdge, by_hand: Hand, act: Callable[..., Any], id: Any
) -> None:
    with pytest.raises(JobNotFound) as caught:
        act(id)

    assert len(caught.value.message) < 200
    assert_nothing_was_sent(fake, by_hand)


NODES: dict[str, tuple[str, tuple[Any, ...], str]] = {
    **{
        f"submit_{name}": ("submit_video", (request,), why)
        for name, (request, why) in REQUESTS.items()
        if why != "JSON"
    },
    **{f"poll_{name}": ("poll_video", (id,), "job_id") for name, id in JOB_IDS.items()},
    **{f"file_{n}": ("retrieve_file", (id,), "file_id") for n, id in JOB_IDS.items()},
    "file_of_no_job": ("retrieve_file", ("17", "../x"), "job_id"),
}


@pytest.mark.parametrize("name", NODES)
def test_a_canvas_node_that_can_never_work_fails_and_asks_nothing(
    fake: FakePhanEdge, by_hand: Hand, name: str
) -> None:
    task, args, named = NODES[name]
    id = str(by_hand.app.send_task(f"phanedge.{task}", args).id)

    by_hand.deliver_all()
    error = by_hand.app.AsyncResult(id).result

    assert isinstance(error, RequestInvalid)
    assert named in error.message
    assert fake.requests == []


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


UNFIT: dict[str, tuple[dict[str, Any], str]] = {
    "rpc": ({"result_backend": "rpc://"}, "result_backend: rpc:// keeps"),
    "disabled": ({"result_backend": None}, "result_backend: results are switched off"),
    "filesystem": ({"broker_url": "filesystem://"}, "broker_url: filesystem:// loses"),
}


@pytest.mark.parametrize("name", UNFIT)
@pytest.mark.parametrize("act", [enqueue_video, follow_video])
def test_what_cannot_serve_is_refused_before_anything_is_written(
    name: str, act: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    conf, reason = UNFIT[name]
    app = make_app({})
    app.conf.update(conf)

    with app, pytest.raises(ConfigurationError, match=reason):
        act(REQUEST if act is enqueue_video else "106916112212032", app=app)

    assert list(tmp_path.iterdir()) == []


def test_what_cannot_serve_stops_a_worker_at_its_start() -> None:
    confs = {**UNFIT, "misspelt": ({"phanedge_api_kye": "k"}, "phanedge_api_key")}
    envs = {
        name: environment(
            broker="memory://", backend="cache+memory://", base_url="", **conf
        )
        for name, (conf, _) in confs.items()
    }
    workers = {name: WorkerProcess(env) for name, env in envs.items()}
    try:
        for worker in workers.values():
            worker.child.start()
        codes = {name: worker.child.wait(100) for name, worker in workers.items()}
        logs = {name: worker.log() for name, worker in workers.items()}
    finally:
        for worker in workers.values():
            worker.close()

    assert all(codes.values())
    for name, (_, reason) in confs.items():
        assert reason in logs[name]
        assert "Traceback" not in logs[name]


def test_a_missing_key_is_told_with_every_place_where_it_can_be_set(
    fake: FakePhanEdge, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PHANEDGE_API_KEY", "PHANEDGE_API_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    with hand(fake, phanedge_api_key=None) as by_hand:
        id = enqueue_video(REQUEST).id
        by_hand.deliver_all()
        error = by_hand.app.AsyncResult(id).result

    assert isinstance(error, ConfigurationError)
    for place in ("app.conf", "CELERY_PHANEDGE_API_KEY", "app.config['CELERY']"):
        assert place in error.message
    assert "PHANEDGE_API_KEY_FILE" in error.message
    assert fake.requests == []


@pytest.mark.parametrize("id", ["", "a\nb", "x" * 300, None, 7, b"x", "never-seen"])
def test_progress_of_any_id_is_a_plain_pending_one(by_hand: Hand, id: Any) -> None:
    shown = video_progress(id)

    assert (shown["state"], shown["stage"], shown["error"]) == ("PENDING", None, None)
