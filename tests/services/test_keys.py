"""A key names one attempt: the same key is the same id, and the same bill."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

import pytest
from celery import Celery
from celery.exceptions import TimeoutError as NotYet

from phanedge_celery import (
    ContentRejected,
    RequestInvalid,
    enqueue_video,
    follow_video,
)
from phanedge_celery.testing import fail
from phanedge_celery.tickets import store_for
from phanedge_celery.watch.task import WATCH
from tests.apps.plain import make_app
from tests.stacks import Stack, Stacks, started
from tests.workers import wait_for

AT_ONCE = 20
NEEDED = ("redis", "kombu.transport.redis", "celery.backends.redis")


@pytest.fixture(params=["redis-threads", "sqlite"])
def stack(request: pytest.FixtureRequest, stacks: Stacks) -> Iterator[Stack]:
    """A stack with each kind of ticket store."""
    yield from started(stacks, request.param)


def enqueue_with_others(
    env: Mapping[str, str], request: Mapping[str, Any], key: str, start: Any, ids: Any
) -> None:
    app = make_app(env)
    start.wait(60)
    ids.put(enqueue_video(request, key=key, app=app).id)


def test_twenty_processes_with_one_key_get_one_id_and_one_job(
    redis_stack: Stack,
) -> None:
    request, key = redis_stack.request("Success"), str(uuid4())
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, *NEEDED])
    start, ids = context.Barrier(AT_ONCE), context.SimpleQueue()
    known = (dict(redis_stack.env), request, key, start, ids)

    callers = [
        context.Process(target=enqueue_with_others, args=known) for _ in range(AT_ONCE)
    ]
    for caller in callers:
        caller.start()
    [id] = {ids.get() for _ in callers}
    for caller in callers:
        caller.join(30)

    assert redis_stack.result(id).get(timeout=30)["job_id"]
    assert redis_stack.ended(id)["stage"] == "done"
    assert redis_stack.posts_of(request) == 1
    assert {caller.exitcode for caller in callers} == {0}


def test_a_finished_job_is_given_again_under_its_key(redis_stack: Stack) -> None:
    request, key = redis_stack.request("Success"), str(uuid4())
    video = enqueue_video(request, key=key).get(timeout=20)

    again = enqueue_video(request, key=key)

    assert again.get(timeout=5) == video
    assert redis_stack.posts_of(request) == 1


def test_a_refused_request_stays_refused_under_its_key(redis_stack: Stack) -> None:
    request = redis_stack.request(fail(1026, "input new_sensitive"))
    key = str(uuid4())
    first = enqueue_video(request, key=key)
    redis_stack.ended(first.id)

    again = enqueue_video(request, key=key)

    assert again.id == first.id
    with pytest.raises(ContentRejected):
        again.get(timeout=5)
    assert redis_stack.posts_of(request) == 1


def test_a_failure_that_can_be_resumed_goes_on_under_its_key(
    redis_stack: Stack,
) -> None:
    request, key = redis_stack.request("Processing", "gateway_401_quota"), str(uuid4())
    first = enqueue_video(request, key=key)
    failed = redis_stack.ended(first.id)
    redis_stack.fake.script("Success", job=failed["job_id"])

    again = enqueue_video(request, key=key)

    assert failed["error"]["type"] == "QuotaExhausted"
    assert again.id == first.id
    assert redis_stack.ended(again.id)["state"] == "SUCCESS"
    assert redis_stack.posts_of(request) == 1


@pytest.mark.parametrize("end", ["Success", "Fail"])
def test_a_key_is_good_after_its_result_has_expired(stack: Stack, end: str) -> None:
    request, key = stack.request(end), str(uuid4())
    first = enqueue_video(request, key=key)
    before = stack.ended(first.id)
    first.forget()
    assert stack.result(first.id).state == "PENDING"

    again = enqueue_video(request, key=key)
    after = stack.progress(again.id)

    assert again.id == first.id
    assert stack.posts_of(request) == 1
    assert again.state == before["state"] == after["state"]
    assert after["job_id"] == before["job_id"]
    assert after["error"] == before["error"]


def test_a_key_cannot_mean_another_request_too(redis_stack: Stack) -> None:
    request, key = redis_stack.request("Processing"), str(uuid4())
    other = redis_stack.request()
    enqueue_video(request, key=key)

    with pytest.raises(RequestInvalid, match=key):
        enqueue_video(other, key=key)
    with pytest.raises(RequestInvalid, match=key):
        follow_video("106916112212032", key=key)

    assert redis_stack.posts_of(other) == 0


def test_the_same_request_in_other_words_is_the_same(redis_stack: Stack) -> None:
    request, key = redis_stack.request("Success", duration=6), str(uuid4())
    turned = dict(reversed(request.items()))

    ids = {enqueue_video(asked, key=key).id for asked in (request, turned)}

    assert len(ids) == 1


def test_a_key_cannot_follow_two_jobs(redis_stack: Stack) -> None:
    key, fake = str(uuid4()), redis_stack.fake
    first, second = fake.add_job("Success"), fake.add_job("Success")
    id = follow_video(first, key=key).id

    with pytest.raises(RequestInvalid, match=key):
        follow_video(second, key=key)

    assert redis_stack.ended(id)["job_id"] == first
    assert follow_video(first, key=key).id == id
    assert fake.polls_of(second) == 0


def test_one_key_in_two_apps_is_two_jobs(redis_stack: Stack) -> None:
    request, key = redis_stack.request("Success"), str(uuid4())
    other = make_app(redis_stack.env)
    other.main = "another"

    with other:
        ids = {enqueue_video(request, key=key, app=app).id for app in _both(other)}
        for id in ids:
            redis_stack.ended(id)

    assert len(ids) == 2
    assert redis_stack.posts_of(request) == 2


def _both(other: Celery) -> tuple[Celery | None, Celery]:
    return None, other


def test_two_followers_of_a_job_share_one_line_of_polls(stack: Stack) -> None:
    job_id = stack.fake.add_job("Processing", "Processing", "Success")

    ids = {follow_video(asked).id for asked in (job_id, int(job_id), job_id)}
    [id] = ids
    shown = stack.ended(id)

    assert shown["job_id"] == job_id
    assert shown["polls"] == stack.fake.polls_of(job_id) == 3
    assert len([r for r in stack.fake.log("retrieve") if r.job_id == job_id]) == 1


def test_without_a_key_the_same_request_is_another_job(redis_stack: Stack) -> None:
    request = redis_stack.request("Success")

    results = [enqueue_video(request) for _ in range(2)]
    videos = [result.get(timeout=20) for result in results]

    assert videos[0]["job_id"] != videos[1]["job_id"]
    assert redis_stack.posts_of(request) == 2


def test_a_job_that_runs_is_left_as_it_is(redis_stack: Stack) -> None:
    request, key = redis_stack.request(*["Processing"] * 3, "Success"), str(uuid4())
    id = enqueue_video(request, key=key).id
    redis_stack.stage(id, "polling")

    for _ in range(3):
        enqueue_video(request, key=key)
    shown = redis_stack.ended(id)

    assert shown["polls"] == 4
    assert redis_stack.posts_of(request) == 1


def test_an_overdue_job_is_sent_again_by_whoever_asks_for_it(
    redis_stack: Stack,
) -> None:
    request, key = redis_stack.request("Success"), str(uuid4())
    id = enqueue_video(request, key=key, countdown=3600).id
    store, ticket = store_for(redis_stack.app), redis_stack.ticket(id)
    # No worker sends the watch meanwhile, which would send the job's message, too.
    wait_for(lambda: store.lease(WATCH, "a test", 60), 30, what="the watch's lease")
    store.touch(id, ticket.version, time.time() - 60)
    with pytest.raises(NotYet):
        redis_stack.result(id).get(timeout=0.3)

    enqueue_video(request, key=key)

    assert wait_for(lambda: redis_stack.progress(id)["state"] == "SUCCESS", 20)
    assert redis_stack.posts_of(request) == 1
