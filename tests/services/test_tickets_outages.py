"""A ticket store that goes away is noticed within seconds, and used again after."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from phanedge_celery.tickets import (
    Stage,
    Ticket,
    TicketStore,
    TicketStoreUnavailable,
    close_stores,
    open_store,
)
from tests.servers import PostgresServer, RedisServer, Server

TICKET = Ticket(id="a", since=1.0, next_at=2.0)

OPERATIONS: dict[str, Callable[[TicketStore], Any]] = {
    "create": lambda store: store.create(TICKET),
    "read": lambda store: store.read("a"),
    "advance": lambda store: store.advance("a", 1, stage=Stage.POLLING),
    "touch": lambda store: store.touch("a", 1, 3.0),
    "overdue": lambda store: store.overdue(9.0, 1),
    "jobs": lambda store: list(store.jobs()),
    "lease": lambda store: store.lease("watch", "w", 1),
    "purge": lambda store: store.purge(9.0),
}


@pytest.fixture(autouse=True)
def no_store_stays_open() -> Iterator[None]:
    yield
    close_stores()


@pytest.fixture(params=["own_redis", "own_postgres"])
def server(request: pytest.FixtureRequest) -> RedisServer | PostgresServer:
    server: RedisServer | PostgresServer = request.getfixturevalue(request.param)
    return server


def test_every_operation_says_that_the_store_is_away(
    server: RedisServer | PostgresServer,
) -> None:
    store = open_store(server.url())
    store.create(TICKET)
    server.stop()

    began = time.monotonic()
    for operation in OPERATIONS.values():
        with pytest.raises(TicketStoreUnavailable):
            operation(store)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("end", [Server.stop, Server.kill])
def test_a_store_that_is_back_is_used_at_once(
    server: RedisServer | PostgresServer, end: Callable[[Server], None]
) -> None:
    store = open_store(server.url())
    store.create(TICKET)
    for _ in range(2):
        end(server)
        with pytest.raises(TicketStoreUnavailable):
            store.read("a")

        server.start()

        store.create(TICKET)
        assert store.read("a") == TICKET


def test_a_connection_that_died_unnoticed_is_made_anew(
    server: RedisServer | PostgresServer,
) -> None:
    store = open_store(server.url())
    store.create(TICKET)

    server.restart()

    assert store.create(Ticket(id="b", since=1.0))


def test_a_store_that_was_away_at_first_is_used_once_it_is_there(
    server: RedisServer | PostgresServer,
) -> None:
    server.stop()
    store = open_store(server.url())
    with pytest.raises(TicketStoreUnavailable):
        store.create(TICKET)

    server.start()

    assert store.create(TICKET)


def test_a_frozen_redis_is_away_within_seconds(own_redis: RedisServer) -> None:
    store = open_store(own_redis.url())
    store.create(TICKET)
    own_redis.pause()

    began = time.monotonic()
    with pytest.raises(TicketStoreUnavailable, match="Timeout"):
        store.read("a")

    assert time.monotonic() - began < 8
    own_redis.resume()
    assert store.read("a") == TICKET


def test_a_sqlite_file_in_use_is_waited_for(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/t.db")
    store.create(TICKET)
    with sqlite3.connect(tmp_path / "t.db") as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(TicketStoreUnavailable, match="locked"):
            store.touch("a", 1, 3.0)

        other.rollback()
        assert store.touch("a", 1, 3.0)
    other.close()


def test_a_database_that_lost_its_tables_gets_them_again(
    own_postgres: PostgresServer,
) -> None:
    import psycopg

    store = open_store(own_postgres.url())
    store.create(TICKET)
    plain = own_postgres.url().replace("+psycopg", "")
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute("DROP TABLE phanedge_tickets")

    with pytest.raises(TicketStoreUnavailable):
        store.read("a")
    assert store.create(TICKET)


def test_what_went_wrong_is_told_without_secrets(own_redis: RedisServer) -> None:
    address = own_redis.url().replace("redis://", "redis://:s3cret@")
    store = open_store(address)
    own_redis.stop()

    with pytest.raises(TicketStoreUnavailable) as caught:
        store.create(TICKET)

    assert "Connection refused" in str(caught.value)
    assert "s3cret" not in str(caught.value)
