"""Every poll of a job delivered twice, to two workers at once: one line goes on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final

import pytest
from celery import Celery

from phanedge_celery import follow_video, messages
from phanedge_celery.testing import FakePhanEdge, Fault, Timeline
from phanedge_celery.tickets import Stage, Ticket, TicketStore, store_for
from tests.apps.plain import environment
from tests.faulty import twins
from tests.servers import FreshRedis
from tests.stacks import producer
from tests.workers import WorkerProcess, wait_for

pytestmark = pytest.mark.timeout(200)

JOBS: Final = 5
EVERY: Final = 1
QUERY: Final = 0.2
QUEUES: Final = ("left", "right")
"""One for each of two workers, so that each gets one of two equal messages."""
RENDERS: Final = Timeline.seconds(processing=5)
"""By seconds: one by polls would end the sooner for a fork, and so hide it."""


@dataclass(kw_only=True)
class Doubling:
    """Two workers, and a second copy of each poll for whoever has not got the first."""

    app: Celery
    fake: FakePhanEdge
    copies: Counter[str] = field(default_factory=Counter)
    seen: set[tuple[str, int]] = field(default_factory=set)

    @property
    def store(self) -> TicketStore:
        return store_for(self.app)

    def ticket(self, id: str) -> Ticket:
        ticket = self.store.read(id)
        assert ticket is not None
        return ticket

    def double(self, id: str) -> None:
        """Send the message that waits a second time, with the same countdown."""
        ticket = self.ticket(id)
        key = (id, ticket.version)
        if ticket.stage is not Stage.POLLING or not ticket.message or key in self.seen:
            return
        self.seen.add(key)
        [other] = {*QUEUES} - {ticket.message["options"]["queue"]}
        messages.send_next(self.app, ticket, due=ticket.next_at, queue=other)
        self.copies[id] += 1

    def all_ended(self, ids: Sequence[str]) -> bool:
        for id in ids:
            self.double(id)
        return all(self.ticket(id).stage.ended for id in ids)

    def queries(self, id: str) -> int:
        return self.fake.polls_of(str(self.ticket(id).job_id))

    def retrieves(self, id: str) -> int:
        job_id = self.ticket(id).job_id
        return sum(each.job_id == job_id for each in self.fake.log("retrieve"))


@pytest.fixture(params=["redis", "rabbitmq"])
def doubling(
    request: pytest.FixtureRequest, fresh_redis: FreshRedis
) -> Iterator[Doubling]:
    broker = fresh_redis.broker
    if request.param == "rabbitmq":
        broker = request.getfixturevalue("rabbitmq_server").fresh_url()
    with FakePhanEdge(timeline=RENDERS) as fake, ExitStack() as running:
        fake.fault(Fault(delay=QUERY), on="query", times=None)
        env = environment(
            broker=broker,
            backend=fresh_redis.backend,
            base_url=fake.url,
            schedule={"first": EVERY, "every": EVERY, "jitter": 0},
            phanedge_api_key=fake.key,
        )
        for queue in QUEUES:
            worker = WorkerProcess(env, pool="threads", concurrency=10, queues=[queue])
            running.enter_context(worker)
        app = running.enter_context(producer(env))
        yield Doubling(app=app, fake=fake)


def test_polls_that_come_twice_at_once_make_no_second_line(doubling: Doubling) -> None:
    ids = [
        str(follow_video(doubling.fake.add_job(), queue=QUEUES[0], app=doubling.app).id)
        for _ in range(JOBS)
    ]

    wait_for(lambda: doubling.all_ended(ids), 60, every=0.01)

    asked_twice = 0
    for id in ids:
        ticket, copies = doubling.ticket(id), doubling.copies[id]
        assert ticket.stage is Stage.DONE
        assert doubling.retrieves(id) == 1
        assert ticket.polls <= doubling.queries(id) <= ticket.polls + copies
        assert twins(doubling.fake, str(ticket.job_id), EVERY) <= copies
        assert copies, "else this has shown nothing"
        asked_twice += doubling.queries(id) - ticket.polls
    assert asked_twice, "else no two copies have met"
