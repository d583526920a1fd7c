"""A task called in any way keeps what its caller asked for, on every hop."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Mapping
from typing import Any, Final
from uuid import uuid4

import pytest
from celery.result import AsyncResult

from phanedge_celery import PhanEdgeError, enqueue_video, follow_video
from phanedge_celery import errors as ours
from phanedge_celery.errors import error_fields
from phanedge_celery.testing import Fault
from tests.apps.plain import make_app
from tests.stacks import Stack, Stacks, started
from tests.workers import wait_for

HOPS: Final = 10
LIMITS: Final[dict[str, Any]] = {"time_limit": 400, "soft_time_limit": 300}
CALLED: Final[dict[str, Any]] = {
    **LIMITS,
    "priority": 3,
    "headers": {"tenant": "a"},
    "expires": 3600,
}


def ways(stack: Stack, job_id: str) -> Mapping[str, AsyncResult[Any]]:
    """Follow one job for each way in which a step can be called."""
    poll = stack.app.tasks["phanedge.poll_video"]
    return {
        "positional": poll.apply_async((job_id, None, 60.0), **CALLED),
        "keyword": poll.apply_async((), {"job_id": job_id, "max_wait": 60.0}, **CALLED),
        "by_name": stack.app.send_task("phanedge.poll_video", [job_id], **CALLED),
        "followed": follow_video(job_id, task_id=str(uuid4()), max_wait=60.0, **CALLED),
    }


@pytest.fixture(params=["redis-threads", "rabbitmq", "quorum"])
def stack(request: pytest.FixtureRequest, stacks: Stacks) -> Iterator[Stack]:
    yield from started(stacks, request.param)


def test_the_callers_options_are_kept_through_ten_hops(stack: Stack) -> None:
    hops = HOPS if stack.name == "redis-threads" else 4  # of a second each
    queue = stack.app.conf.task_default_queue
    job_id = stack.fake.add_job(*["Processing"] * 200)
    sent = ways(stack, job_id)

    for way, result in sent.items():
        id = str(result.id)
        wait_for(lambda id=id: stack.progress(id)["polls"] >= hops, 40, what=way)  # type: ignore[misc]
        message = stack.ticket(id).message
        assert message is not None, way
        options = message["options"]
        assert options["priority"] == 3, way
        assert options["headers"] == {"tenant": "a"}, way
        assert {name: options[name] for name in LIMITS} == LIMITS, way
        assert "expires" not in options, way
        assert options["task_id"] == id, way
        assert options.get("queue", queue) == queue, way
        assert "exchange" not in options, way
    stack.fake.script("Success", job=job_id)

    for way, result in sent.items():
        assert result.get(timeout=30)["job_id"] == job_id, way


def test_a_request_by_keyword_is_submitted_once(redis_stack: Stack) -> None:
    request = redis_stack.request("Processing", "Success")
    submit = redis_stack.app.tasks["phanedge.submit_video"]

    result = submit.apply_async((), {"request": request, "max_wait": 60.0}, **CALLED)

    assert result.get(timeout=20)["job_id"]
    assert redis_stack.posts_of(request) == 1


# Errors, read by a process that knows no more than the package.

CLASSES: Final = [
    getattr(ours, name) for name in ours.__all__ if name != "PhanEdgeError"
]
FACTS: Final = ("it broke: 无效", 1027, "106916112212032", 200, "req-7")


def read(env: Mapping[str, str], ids: list[str], answers: Any) -> None:
    """Import the package alone, and tell of each result what it raises."""
    app = make_app(env)
    for id in ids:
        error: Any = app.AsyncResult(id).result
        told = isinstance(error, PhanEdgeError)
        answers.put((error_fields(error) if told else repr(error), str(error)))


@pytest.mark.parametrize("name", ["redis-threads", "sqlite"])
def test_every_error_comes_back_with_class_fields_and_text(
    stacks: Stacks, name: str
) -> None:
    stack = stacks.get(name)
    errors = [cls(*FACTS) for cls in CLASSES]
    ids = [str(uuid4()) for _ in errors]
    for id, error in zip(ids, errors, strict=True):
        stack.app.backend.mark_as_failure(id, error)
    context = multiprocessing.get_context("spawn")
    answers = context.SimpleQueue()

    reader = context.Process(target=read, args=(dict(stack.env), ids, answers))
    reader.start()
    got = [answers.get() for _ in ids]
    reader.join(30)

    assert got == [(error_fields(error), str(error)) for error in errors]


def test_an_error_of_a_worker_has_all_that_the_service_said(
    redis_stack: Stack,
) -> None:
    request = redis_stack.request()
    refused = Fault(sample="create_rejected_1008")
    redis_stack.fake.fault(refused, on="create", prompt=request["prompt"])

    id = enqueue_video(request).id
    shown = redis_stack.ended(id)
    error = redis_stack.result(id).result

    assert isinstance(error, PhanEdgeError)
    assert (error.code, error.http_status) == (1008, 200)
    assert error.request_id
    assert shown["error"]["message"] == error.message
