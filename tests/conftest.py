"""Real servers as fixtures: missing ones skip a test, or fail it where CI is set."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TypeVar

import pytest

from tests.servers import (
    FreshRedis,
    PostgresServer,
    RabbitServer,
    RedisServer,
    Server,
    ServerMissing,
)

S = TypeVar("S", bound=Server)

LONGEST = {
    *("test_demo.py", "test_sites.py", "test_machine.py"),
    *("test_watch.py", "test_watch_polls.py", "test_watch_overdue.py"),
    *("test_compose_stack.py", "test_django_site.py", "test_canvas.py"),
    *("test_cancel_races.py", "test_watch_deaths.py"),
    *("test_outages_brokers.py", "test_outages_stores.py", "test_outages_moments.py"),
}
"""Files that take a minute: one begun last would keep the other processes idle."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name not in LONGEST)


def running(kind: type[S]) -> Iterator[S]:
    """Yield a started server of that kind, and leave nothing of it behind."""
    try:
        server = kind()
    except ServerMissing as missing:
        if os.environ.get("CI"):
            pytest.fail(str(missing), pytrace=False)
        pytest.skip(str(missing))
    with server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """One Redis for all tests; take databases of your own by `fresh_redis`."""
    yield from running(RedisServer)


@pytest.fixture(scope="session")
def rabbitmq_server() -> Iterator[RabbitServer]:
    """One RabbitMQ for all tests; take a virtual host of your own by `fresh_url`."""
    yield from running(RabbitServer)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One PostgreSQL for all tests; take a database of your own by `fresh_url`."""
    yield from running(PostgresServer)


@pytest.fixture
def fresh_redis(redis_server: RedisServer) -> FreshRedis:
    """Two empty databases of the shared server: `.broker` and `.backend`."""
    return redis_server.fresh()


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    """A Redis of this test alone, to be stopped, killed, paused or restarted."""
    yield from running(RedisServer)


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL of this test alone, to be stopped, killed, paused or restarted."""
    yield from running(PostgresServer)
