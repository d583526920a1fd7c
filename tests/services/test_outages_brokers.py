"""A broker that is emptied or goes away, workers that die: every job goes on.

All sites are hurt at once, by one fault after another, so that their waits overlap.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final

import pytest
import redis
from kombu.transport.native_delayed_delivery import MAX_LEVEL, level_name

from phanedge_celery.testing import FakePhanEdge
from tests.conftest import running
from tests.faulty import WATCH
from tests.ordeals import PATIENCE, Ordeal, at_once, ordeal, start
from tests.servers import RabbitServer, RedisServer

pytestmark = pytest.mark.timeout(900)

STACKS: Final = ("redis", "redis-threads", "rabbitmq", "quorum-threads")
AWAY: Final = 6
JOBS: Final = 4


@dataclass(frozen=True, kw_only=True)
class Servers:
    """What is hurt here: the brokers, and nothing that keeps results or tickets."""

    redis: RedisServer
    rabbit: RabbitServer

    def empty(self, one: Ordeal) -> None:
        """Lose every message that the broker of a site holds."""
        url = one.site.broker
        if url.startswith("redis:"):
            with redis.Redis.from_url(url) as client:
                client.flushdb()
            return
        with one.site.app.connection_for_write() as connection:
            channel: Any = connection.default_channel
            for name in _queues(one):
                channel.queue_purge(name)

    def stop(self) -> None:
        self.redis.stop()
        self.rabbit.stop()

    def start(self) -> None:
        self.redis.start()
        self.rabbit.start()


def _queues(one: Ordeal) -> list[str]:
    """Return the queues of RabbitMQ in which messages of a site may wait."""
    conf = one.site.app.conf
    quorum = conf.task_default_queue_type == "quorum"
    delayed = [level_name(level) for level in range(MAX_LEVEL + 1)] if quorum else []
    return [conf.task_default_queue, *delayed]


def emptied(servers: Servers, ordeals: list[Ordeal]) -> None:
    for _ in range(3):
        at_once(servers.empty, ordeals)


def killed(servers: Servers, ordeals: list[Ordeal]) -> None:
    at_once(lambda one: one.worker.kill(), ordeals)
    start(ordeals)


def killed_and_emptied(servers: Servers, ordeals: list[Ordeal]) -> None:
    at_once(lambda one: one.worker.kill(), ordeals)
    for one in ordeals:
        one.follow(2)
    at_once(servers.empty, ordeals)
    start(ordeals)


def stopped(servers: Servers, ordeals: list[Ordeal]) -> None:
    servers.stop()
    until = time.monotonic() + AWAY
    at_once(lambda one: one.follow(1), ordeals)
    time.sleep(max(until - time.monotonic(), 0))
    servers.start()


FAULTS: Final[Mapping[str, Callable[[Servers, list[Ordeal]], None]]] = {
    "emptied": emptied,
    "stopped": stopped,
    "killed": killed,
    "killed_and_emptied": killed_and_emptied,
}


@dataclass(frozen=True)
class Trials:
    """What has become of each site."""

    ordeals: Mapping[str, Ordeal]
    stuck: Mapping[tuple[str, str], list[str]]
    """The jobs that did not go on, by fault and site."""
    complaints: Mapping[tuple[str, str], Mapping[str, str]]


def hurt(servers: Servers, ordeals: dict[str, Ordeal]) -> Trials:
    stuck, complaints = {}, {}
    for fault, does in FAULTS.items():
        does(servers, list(ordeals.values()))
        until = time.monotonic() + PATIENCE
        since = {name: one.polls() for name, one in ordeals.items()}
        for name, one in ordeals.items():
            left = max(until - time.monotonic(), 0.1)
            stuck[fault, name] = one.waits_for(2, since[name], left)
            complaints[fault, name] = one.complaints()
    return Trials(ordeals, stuck, complaints)


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    own = contextmanager(running)
    with own(RedisServer) as mine, own(RabbitServer) as rabbit:
        yield Servers(redis=mine, rabbit=rabbit)


PACES: Final = (
    pytest.param(WATCH, id="quick"),
    pytest.param({}, id="default", marks=pytest.mark.long),
)
"""Of the watch."""


@pytest.fixture(scope="module", params=PACES)
def trials(
    request: pytest.FixtureRequest,
    servers: Servers,
    redis_server: RedisServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Trials]:
    with FakePhanEdge() as fake, ExitStack() as stack:
        ordeals = {
            name: ordeal(
                name,
                redis=servers.redis,
                rabbit=servers.rabbit,
                fake=fake,
                folder=tmp_path_factory.mktemp(name),
                results=redis_server.fresh_url(),
                tickets=redis_server.fresh_url(),
                watch=request.param,
            )
            for name in STACKS
        }
        for one in ordeals.values():
            stack.callback(one.worker.close)
            stack.callback(one.worker.kill)
        start(ordeals.values())
        for one in ordeals.values():
            one.follow(JOBS)
        trials = hurt(servers, ordeals)
        at_once(Ordeal.end, ordeals.values())
        yield trials


each_site = pytest.mark.parametrize("name", STACKS)
each_fault = pytest.mark.parametrize("fault", FAULTS)


@each_fault
@each_site
def test_every_job_goes_on_within_ninety_seconds(
    trials: Trials, fault: str, name: str
) -> None:
    assert trials.stuck[fault, name] == []


@each_fault
@each_site
def test_no_job_fails_meanwhile(trials: Trials, fault: str, name: str) -> None:
    assert trials.complaints[fault, name] == {}


@each_site
def test_in_the_end_every_job_succeeds_and_its_link_is_called_once(
    trials: Trials, name: str
) -> None:
    trials.ordeals[name].ends_well()


@each_site
def test_no_job_is_sent_again_more_often_than_the_faults_call_for(
    trials: Trials, name: str
) -> None:
    one = trials.ordeals[name]

    assert max(one.resent().values(), default=0) <= 3 * len(FAULTS)


@each_site
def test_no_step_breaks_off_by_an_error_that_nobody_expected(
    trials: Trials, name: str
) -> None:
    assert trials.ordeals[name].broken_off() == []


@each_site
def test_each_job_keeps_one_line_of_polls(trials: Trials, name: str) -> None:
    one = trials.ordeals[name]

    assert max(one.twins().values()) <= len(FAULTS)
