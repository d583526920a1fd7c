"""A job's next message: what it keeps, what it drops, whose ids are for good."""

from __future__ import annotations

import json
import time
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from celery import Celery, chain, chord, group
from celery.app.task import Context
from kombu import Exchange, Queue
from kombu.utils.json import loads

from phanedge_celery import RequestInvalid, messages
from phanedge_celery.messages import Stamp
from phanedge_celery.tickets import Stage, Ticket
from tests.apps.plain import make_app

ID = "0b7e0c1e-5d3c-4c35-9d8e-000000000001"
POLL = "phanedge.poll_video"
SUBMIT = "phanedge.submit_video"


@pytest.fixture
def app() -> Celery:
    return make_app({})


def first(app: Celery, **options: Any) -> dict[str, Any]:
    options = {"task_id": ID, **options}
    return messages.first(app.tasks[POLL], ("42",), {"save_to": "a"}, options)


def received(app: Celery, **request: Any) -> dict[str, Any]:
    known: dict[str, Any] = {
        "id": ID,
        "args": ["42"],
        "kwargs": {},
        "delivery_info": {"exchange": "", "routing_key": "videos", "priority": 3},
        **request,
    }
    return messages.received(app.tasks[POLL], Context(known))


def test_a_message_is_what_apply_async_would_send(app: Celery) -> None:
    message = first(app, queue="videos", priority=3, headers={"tenant": "a"})

    assert message == {
        "task": POLL,
        "args": ["42"],
        "kwargs": {"save_to": "a"},
        "options": {
            "task_id": ID,
            "queue": "videos",
            "priority": 3,
            "headers": {"tenant": "a"},
        },
    }


@pytest.mark.parametrize("name", ["expires", "countdown", "eta", "retry", "connection"])
def test_what_is_meant_for_one_sending_is_dropped(app: Celery, name: str) -> None:
    assert name not in first(app, **{name: 5})["options"]


def test_a_priority_of_zero_is_kept(app: Celery) -> None:
    assert first(app, priority=0)["options"]["priority"] == 0


def test_the_next_task_keeps_the_options_and_not_the_arguments(app: Celery) -> None:
    message = first(app, queue="videos", link=app.signature("tests.other"))

    over = messages.handed_over(
        message, "phanedge.retrieve_file", ("7",), {"job_id": "4"}
    )

    assert (over["task"], over["args"], over["kwargs"]) == (
        "phanedge.retrieve_file",
        ["7"],
        {"job_id": "4"},
    )
    assert over["options"] == message["options"]


def test_what_was_added_on_the_way_stays_and_what_was_there_before_wins(
    app: Celery,
) -> None:
    message = first(app, headers={"tenant": "a"})
    on_the_way = {"traceparent": "00-1", "tenant": "b", "phanedge": {"version": 4}}
    request = Context({"id": "x", **on_the_way})

    kept = messages.with_travelled(message, request)

    assert kept["options"]["headers"] == {"traceparent": "00-1", "tenant": "a"}
    assert messages.with_travelled(kept, Context({"id": "x"})) == kept


def test_what_was_received_keeps_the_callers_options(app: Celery) -> None:
    message = received(
        app,
        headers={"tenant": "a", "phanedge": {"version": 4}, "redelivered": True},
        timelimit=(40, 20),
        expires="2026-01-01",
        group="g",
        group_index=2,
    )

    options = message["options"]
    assert (options["queue"], options["priority"]) == ("videos", 3)
    assert (options["time_limit"], options["soft_time_limit"]) == (40, 20)
    assert options["headers"] == {"tenant": "a"}
    assert (options["group_id"], options["group_index"]) == ("g", 2)
    assert "expires" not in options


def test_limits_of_the_task_itself_are_not_carried_to_the_next(app: Celery) -> None:
    task = app.tasks[POLL]

    options = received(app, timelimit=(task.time_limit, task.soft_time_limit))[
        "options"
    ]

    assert "time_limit" not in options
    assert "soft_time_limit" not in options


@pytest.mark.parametrize(
    ("exchange", "key"),
    [
        ("videos", "videos.now"),
        ("celery_delayed_delivery", ".".join("0" * 28) + ".videos.now"),
    ],
    ids=["at_once", "delayed"],
)
def test_a_message_by_way_of_an_exchange_keeps_its_queue(
    app: Celery, exchange: str, key: str
) -> None:
    app.conf.task_queues = [
        Queue("other", Exchange("other", type="topic"), routing_key="other"),
        Queue("videos", Exchange("videos", type="topic"), routing_key="videos.now"),
    ]

    options = received(app, delivery_info={"exchange": exchange, "routing_key": key})[
        "options"
    ]

    assert options["queue"] == "videos"
    assert not {"exchange", "routing_key"} & options.keys()


def test_an_exchange_that_nobody_declared_is_left_as_it_is(app: Celery) -> None:
    info = {"exchange": "theirs", "routing_key": "k"}

    options = received(app, delivery_info=info)["options"]

    assert (options["exchange"], options["routing_key"]) == ("theirs", "k")


def test_dates_and_the_like_in_a_canvas_come_out_as_they_went_in(app: Celery) -> None:
    at = datetime(2026, 11, 24, tzinfo=timezone.utc)
    arguments = (UUID(ID), at, Decimal("1.5"))

    message = first(app, link=app.signature("tests.other", arguments))

    [link] = loads(json.dumps(message))["options"]["link"]
    assert tuple(link["args"]) == arguments


def test_what_is_no_json_is_refused_before_anything_is_kept(app: Celery) -> None:
    with pytest.raises(RequestInvalid, match="no JSON"):
        first(app, link=app.signature("tests.other", (object(),)))


def ids(signature: Any) -> list[str]:
    """Return the id of a signature and of all that it is made of."""
    kwargs = signature.get("kwargs") or {}
    parts = [*(kwargs.get("tasks") or ())]
    header = kwargs.get("header")
    parts += header if isinstance(header, (list, tuple)) else [header] if header else []
    parts += [kwargs["body"]] if kwargs.get("body") else []
    return [signature["options"]["task_id"], *(id for p in parts for id in ids(p))]


def test_callbacks_get_ids_that_never_change(app: Celery) -> None:
    def canvas() -> Any:
        video = app.signature(SUBMIT, ({},))
        other = app.signature("tests.other")
        return [
            video,
            chain(video, other),
            group(video, other),
            chord([video, other], other),
        ]

    once, twice = (first(app, link=canvas())["options"]["link"] for _ in range(2))

    named = [id for signature in once for id in ids(signature)]
    assert named == [id for signature in twice for id in ids(signature)]
    assert len(set(named)) == len(named) > 8


def test_an_id_that_a_callback_has_is_its_own(app: Celery) -> None:
    mine = app.signature("tests.other").set(task_id="mine")

    [link] = first(app, link=mine)["options"]["link"]

    assert link["options"]["task_id"] == "mine"


def test_callbacks_of_a_request_are_named_in_the_request_too(app: Celery) -> None:
    request = Context(
        {"id": ID, "callbacks": [dict(app.signature("tests.other"))], "errbacks": None}
    )

    messages.name_callbacks(request)
    once: Any = request.callbacks
    messages.name_callbacks(request)

    assert request.callbacks == once
    assert UUID(once[0]["options"]["task_id"]).version == 5


def test_a_job_told_failed_loses_its_canvas_and_nothing_else(app: Celery) -> None:
    message = received(
        app,
        callbacks=[dict(app.signature("tests.other"))],
        chain=[dict(app.signature("tests.other"))],
        group="g",
        headers={"tenant": "a"},
    )

    bare = messages.without_canvas(message)

    assert not {"link", "chain", "group_id"} & bare["options"].keys()
    assert bare["options"]["headers"] == {"tenant": "a"}
    assert bare["options"]["queue"] == "videos"


def test_a_stamp_mirrors_its_ticket() -> None:
    ticket = Ticket(
        id=ID,
        version=7,
        stage=Stage.POLLING,
        job_id="42",
        deadline=99.0,
        polls=3,
        save_to="a.mp4",
        since=0,
    )

    stamp = messages.stamp_for(ticket)

    assert Stamp.of({"phanedge": stamp.header()}) == stamp
    assert stamp.header() == {
        "version": 7,
        "job_id": "42",
        "deadline": 99.0,
        "polls": 3,
        "save_to": "a.mp4",
        "format": messages.FORMAT,
    }


def test_only_a_wait_of_several_messages_says_when_it_is_over() -> None:
    ticket = Ticket(id=ID, since=0)

    near, far = (
        messages.stamp_for(ticket, time.time() + wait).due for wait in (59, 3600)
    )

    assert near is None
    assert far is not None


@pytest.mark.parametrize("headers", [None, {}, {"phanedge": None}, {"phanedge": "x"}])
def test_a_message_from_a_canvas_has_no_stamp(headers: Any) -> None:
    assert Stamp.of(headers) is None


def test_what_a_newer_version_stamped_is_passed_on() -> None:
    header = {"version": 3, "format": 9, "colour": "blue"}

    assert Stamp.of({"phanedge": header}).header() == header  # type: ignore[union-attr]
