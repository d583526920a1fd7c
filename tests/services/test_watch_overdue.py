"""Far more overdue jobs than slots: the watch sends each again, and makes no storm."""

from __future__ import annotations

import json
import math
import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import pytest
import redis
from celery import Celery

from phanedge_celery import follow_video
from phanedge_celery.testing import FakePhanEdge, Fault
from phanedge_celery.tickets import Stage, store_for
from tests.apps.plain import environment
from tests.servers import FreshRedis
from tests.stacks import producer
from tests.workers import WorkerProcess, wait_for

pytestmark = pytest.mark.timeout(300)

JOBS: Final = 200
SLOTS: Final = 2
QUERY: Final = 0.05
"""Seconds; all of them take both slots five."""
GRACE: Final = 1
WATCH: Final = {"period": 1, "grace": GRACE}
AT_ONCE: Final = {"first": 0, "every": 1, "jitter": 0}

RESENT: Final = re.compile(r"phanedge\.resent id=(\S+) .*?stage=(\S+)")
RECEIVED: Final = re.compile(r"Task phanedge\.(?:poll_video|retrieve_file)\[")


@dataclass(frozen=True, kw_only=True)
class Overdue:
    """Jobs whose messages are lost, and a worker for them, not yet started."""

    app: Celery
    broker: str
    worker: WorkerProcess
    ids: Sequence[str]

    def still_running(self) -> int:
        store = store_for(self.app)
        tickets = (store.read(id) for id in self.ids)
        return sum(t is None or t.stage is not Stage.DONE for t in tickets)

    def waiting(self) -> int:
        """Count the messages of jobs, in the queue and in the worker's hands."""
        with redis.Redis.from_url(self.broker) as client:
            queued = client.lrange("celery", 0, -1) + client.hvals("unacked")
        return sum(b"phanedge.watch" not in message for message in queued)

    def resent(self) -> Counter[tuple[str, str]]:
        """Return how often each message, of one job in one stage, was sent again."""
        return Counter(RESENT.findall(self.worker.log()))

    def received(self) -> int:
        return len(re.findall(RECEIVED.pattern + r"\S+ received", self.worker.log()))


@pytest.fixture
def overdue(fresh_redis: FreshRedis) -> Iterator[Overdue]:
    with FakePhanEdge() as fake:
        fake.fault(Fault(delay=QUERY), on="query", times=None)
        env = environment(
            broker=fresh_redis.broker,
            backend=fresh_redis.backend,
            base_url=fake.url,
            schedule=AT_ONCE,
            phanedge_api_key=fake.key,
        ) | {"PHANEDGE_TEST_WATCH": json.dumps(WATCH)}
        with producer(env) as app:
            jobs = [fake.add_job("Success") for _ in range(JOBS)]
            ids = [str(follow_video(job_id, app=app).id) for job_id in jobs]
            with redis.Redis.from_url(fresh_redis.broker) as client:
                client.flushdb()
            yield Overdue(
                app=app,
                broker=fresh_redis.broker,
                worker=WorkerProcess(
                    env, module="tests.apps.watched", concurrency=SLOTS
                ),
                ids=ids,
            )


def test_two_hundred_overdue_jobs_are_sent_again_ever_more_rarely(
    overdue: Overdue,
) -> None:
    with overdue.worker:
        begun = time.monotonic()
        wait_for(
            lambda: not overdue.still_running(),
            200,
            every=0.5,
            what=lambda: f"{overdue.still_running()} of {JOBS}",
        )
        took = time.monotonic() - begun
        wait_for(lambda: not overdue.waiting(), 60, what="an empty queue")
        resent, received = overdue.resent(), overdue.received()

    most = 1 + math.ceil(math.log2(1 + took / GRACE))
    assert {id for id, _ in resent} == set(overdue.ids)
    assert max(resent.values()) <= most
    assert received == resent.total() + JOBS, "re-sends, and each job's next message"
