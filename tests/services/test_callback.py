"""The vendor calls back: real worker, real web servers, the fake as the vendor."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, Final

import pytest
from celery import Celery
from celery.result import AsyncResult

from phanedge_celery import SubmissionUnknown, enqueue_video
from phanedge_celery.callback import signed_url
from phanedge_celery.producer.notice import SPARE
from phanedge_celery.testing import FakePhanEdge, Timeline
from phanedge_celery.tickets import close_stores
from tests.apps.plain import environment
from tests.processes import Child
from tests.servers import RedisServer
from tests.servers.server import free_port
from tests.stacks import Stack, producer
from tests.workers import WorkerProcess, python_path, wait_for

SECRET = "a-secret-of-the-tests"
AT_ROOT = {"PYTHONPATH": python_path()}
NEVER = 60
"""A poll interval in which no test gets its second poll by itself."""


SITES: Final[dict[str, Any]] = {"django": {}, "flask": {"phanedge_watch_polls": True}}
"""Each with one way in which jobs wait: as messages, or for the watch."""


@pytest.fixture(scope="module", params=sorted(SITES))
def called(
    request: pytest.FixtureRequest,
    redis_server: RedisServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stack]:
    """A worker that polls after a minute only, and a site that the fake may call."""
    folder = tmp_path_factory.mktemp("called")
    port = free_port()
    with ExitStack() as exit:
        enter = exit.enter_context
        fake = enter(FakePhanEdge())
        env = environment(
            broker=redis_server.fresh_url(),
            backend=redis_server.fresh_url(),
            base_url=fake.url,
            schedule={"first": NEVER, "every": NEVER, "jitter": 0},
            phanedge_api_key=fake.key,
            phanedge_callback_url=f"http://127.0.0.1:{port}/hook",
            phanedge_callback_secret=SECRET,
            **SITES[request.param],
        )
        command = [sys.executable, "-m", "tests.receivers", request.param, str(port)]
        site = Child(command, folder / "site.log", env={**env, **AT_ROOT})
        site.start()
        exit.callback(site.kill)
        worker = enter(WorkerProcess(env, pool="threads", concurrency=4))
        exit.callback(worker.kill)
        site.wait_for_log("listening")
        _wake(fake, env)
        app = enter(producer(env))
        exit.callback(_hang_up, app)
        yield Stack(
            name=request.param,
            app=app,
            env=env,
            fake=fake,
            worker=worker,
            record=folder / "record.jsonl",
        )


def _hang_up(app: Celery) -> None:
    """Close what the app and its tickets have open; garbage would be told of it."""
    close_stores()
    backend: Any = app.backend
    backend.result_consumer.stop()
    backend.client.connection_pool.disconnect()


def _wake(fake: FakePhanEdge, env: Mapping[str, str]) -> None:
    """Have the site import all it needs, which may take longer than a call may."""
    base = json.loads(env["PHANEDGE_TEST_CONF"])["phanedge_callback_url"]
    url = signed_url(base, SECRET, "nobody's")
    body = {"challenge": "awake?"}
    wait_for(lambda: fake.call_back(url=url, body=body).status == 200, 30)


@pytest.fixture
def stack(called: Stack) -> Iterator[Stack]:
    called.fake.reset()
    called.fake.options(callbacks=True)
    with called.current():
        yield called


def lasting(stack: Stack, timeline: Timeline) -> dict[str, Any]:
    """Return a request whose job takes so many seconds."""
    request = stack.request()
    stack.fake.script(timeline, prompt=request["prompt"])
    return request


def job_of(stack: Stack, request: dict[str, Any]) -> dict[str, Any]:
    """Return the fake's job for a request of ours, once it is there."""
    prompt = request["prompt"]

    def look() -> Any:
        made = [j for j in stack.fake.jobs if j["request"]["prompt"] == prompt]
        return made and made[0]

    found: dict[str, Any] = wait_for(look, 20, what="a job")
    return found


def asked(stack: Stack, *seconds: float) -> list[AsyncResult[Any]]:
    """Ask for videos that take so long."""
    return [
        enqueue_video(lasting(stack, Timeline.seconds(processing=each)))
        for each in seconds
    ]


def asked_and_waiting(stack: Stack, *seconds: float) -> list[AsyncResult[Any]]:
    """Ask for videos that take so long, once all of them wait for their first poll.

    A call that comes before its job is known hastens nothing.
    """
    results = asked(stack, *[NEVER + each for each in seconds])
    for result in results:
        stack.stage(result.id, "polling")
    stack.fake.elapse(NEVER)
    return results


def test_an_end_is_seen_within_two_seconds_of_the_call(stack: Stack) -> None:
    lasts = [each / 4 for each in range(6)]
    results = asked_and_waiting(stack, *lasts)
    begun = time.monotonic()

    videos = [result.get(timeout=20) for result in results]

    made = {record.job_id: record.at for record in stack.fake.log("create")}
    late = []
    for lasted, video in zip(lasts, videos, strict=True):
        [query] = [q for q in stack.fake.log("query") if q.job_id == video["job_id"]]
        late.append(query.at - max(made[video["job_id"]] + lasted, begun))
    assert statistics.median(late) < 2, late
    assert set(stack.fake.posts_by("prompt").values()) == {1}


def test_the_signed_url_is_in_nothing_that_is_kept(stack: Stack) -> None:
    [result] = asked_and_waiting(stack, 1)
    [job] = stack.fake.jobs
    url = job["request"]["callback_url"]
    token = url.rsplit("/", 1)[1]

    kept = [repr(stack.ticket(result.id)), repr(stack.progress(result.id))]
    kept += [repr(result.get(timeout=20)), stack.worker.log()]

    assert [word for word in (token, SECRET) for text in kept if word in text] == []


def test_a_url_of_the_callers_own_is_left_as_it_is(stack: Stack) -> None:
    stack.fake.options(callbacks=False)
    theirs = "https://shop.example/theirs"
    request = stack.request("Success", callback_url=theirs)

    enqueue_video(request)

    assert job_of(stack, request)["request"]["callback_url"] == theirs


def test_a_flood_of_two_hundred_brings_a_few_queries(stack: Stack) -> None:
    request = stack.request("Processing")
    result = enqueue_video(request)
    job = job_of(stack, request)["job_id"]
    stack.stage(result.id, "polling")

    with ThreadPoolExecutor(8) as pool:
        done = pool.map(lambda _: stack.fake.call_back(job=job), range(200))
        statuses = {called.status for called in done}
    time.sleep(0.5)

    assert statuses == {200}
    # Two that come at the same instant may both be heard.
    assert 1 <= stack.fake.polls_of(job) <= 2 * SPARE
    assert stack.progress(result.id)["stage"] == "polling"


def test_copies_capitals_and_late_calls_have_one_effect(stack: Stack) -> None:
    stack.fake.options(callback_copies=3, callback_late=True, callback_capital=True)
    [result] = asked_and_waiting(stack, 0.5)

    video = result.get(timeout=20)
    # The challenge, the end, and what was to be told before it, too late.
    wait_for(lambda: len(stack.fake.callbacks) == 1 + 3 + 3, 20)

    assert stack.fake.polls_of(video["job_id"]) <= 2
    assert {called.status for called in stack.fake.callbacks} == {200}


def test_a_job_whose_answer_was_lost_is_adopted_by_its_call(stack: Stack) -> None:
    request = lasting(stack, Timeline.seconds(queueing=3))
    stack.fake.lose_answer()
    result = enqueue_video(request)
    job = job_of(stack, request)["job_id"]
    with pytest.raises(SubmissionUnknown):
        result.get(timeout=20)

    stack.fake.call_back(job=job)
    shown = stack.stage(result.id, "done", timeout=30)

    assert shown["video"]["job_id"] == job
    assert stack.posts_of(request) == 1


def test_a_call_that_names_no_job_of_ours_has_nothing_adopted(stack: Stack) -> None:
    request = lasting(stack, Timeline.seconds(queueing=60))
    stack.fake.lose_answer()
    result = enqueue_video(request)
    url = job_of(stack, request)["request"]["callback_url"]
    shown = stack.ended(result.id)

    stack.fake.call_back(url=url, body={"task_id": "4711", "status": "success"})
    stack.fake.wait_for("query")
    time.sleep(0.5)

    assert stack.progress(result.id)["stage"] == shown["stage"] == "failed"
