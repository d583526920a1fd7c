"""What a worker does when it is told to stop."""

from __future__ import annotations

import json
import os
import signal
from typing import Any

import redis
from celery import Celery

from phanedge_celery import enqueue_video, follow_video
from phanedge_celery.testing import FakePhanEdge, Fault
from phanedge_celery.testing.fixtures import fake
from phanedge_celery.tickets import Stage, Ticket, store_for
from tests.apps.plain import environment
from tests.servers import FreshRedis
from tests.stacks import producer
from tests.workers import WorkerProcess, wait_for

__all__ = ["fake"]

WAITING = 10
SLOWLY = Fault(delay=2)


def unacked(url: str) -> int:
    """Return how many messages workers hold."""
    with redis.Redis.from_url(url) as client:
        return int(client.hlen("unacked"))


def queued(url: str) -> list[str]:
    """Return the ids of the jobs whose messages are in the queue."""
    with redis.Redis.from_url(url) as client:
        found: Any = client.lrange("celery", 0, -1)
    headers = [json.loads(each)["headers"] for each in found]
    return sorted(each["id"] for each in headers if each["task"] != "phanedge.watch")


def ticket(app: Celery, id: str) -> Ticket:
    found = store_for(app).read(id)
    assert found is not None
    return found


def test_a_worker_told_to_stop_ends_what_it_has_in_hand_and_gives_back_the_rest(
    fake: FakePhanEdge, fresh_redis: FreshRedis
) -> None:
    broker = fresh_redis.broker
    env = environment(
        broker=broker,
        backend=fresh_redis.backend,
        base_url=fake.url,
        schedule={"first": 1, "every": 1, "jitter": 0},
        phanedge_api_key=fake.key,
    )
    with producer(env) as app:
        others = [fake.add_job("Success") for _ in range(WAITING)]
        asked = fake.add_job("Processing", "Success")
        fake.fault(SLOWLY, on="query", job=asked)
        fake.fault(SLOWLY, on="create")
        with WorkerProcess(env) as worker:
            held = [follow_video(each, app=app, countdown=6).id for each in others]
            wait_for(lambda: unacked(broker) == WAITING, what="the worker holds all")
            polling = follow_video(asked, app=app).id
            submitting = enqueue_video({"model": "M", "prompt": "A cat."}, app=app).id
            fake.wait_for("query")
            fake.wait_for("create")

            os.kill(worker.pid, signal.SIGTERM)
            code = worker.child.wait(20)
            log = worker.log()

        assert code == 0
        assert "Traceback" not in log
        polled = ticket(app, polling)
        assert (polled.polls, polled.status) == (1, "Processing")
        assert ticket(app, submitting).job_id == fake.posts[-1].job_id
        assert unacked(broker) == 0
        everything = sorted([*held, polling, submitting])
        assert queued(broker) == everything

        with WorkerProcess(env) as another:
            wait_for(
                lambda: {ticket(app, id).stage for id in everything} == {Stage.DONE},
                timeout=30,
                what="every job goes on in another worker",
            )
            another.kill()
        assert len(fake.posts) == 1
        assert [fake.polls_of(each) for each in others] == [1] * WAITING
