"""What is particular about tickets in a database."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from phanedge_celery.tickets import Stage, Ticket, TicketStore, close_stores, open_store

TICKET = Ticket(id="x", since=1.0, next_at=1.0)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tickets.db"


@pytest.fixture
def store(file: Path) -> Iterator[TicketStore]:
    yield open_store(f"db+sqlite:///{file}")
    close_stores()


@pytest.fixture
def database(store: TicketStore, file: Path) -> Iterator[sqlite3.Connection]:
    """The file as another program sees it, with one ticket in it."""
    store.create(TICKET)
    with closing(sqlite3.connect(file)) as connection:
        yield connection


def test_columns_of_a_later_version_survive_an_advance(
    store: TicketStore, database: sqlite3.Connection
) -> None:
    with database:
        database.execute("ALTER TABLE phanedge_tickets ADD COLUMN mood TEXT")
        database.execute("UPDATE phanedge_tickets SET mood = 'sunny'")

    store.advance("x", 1, stage=Stage.POLLING)

    assert store.read("x") == Ticket(
        id="x", version=2, since=1.0, next_at=1.0, stage=Stage.POLLING
    )
    assert store.create(Ticket(id="y", since=1.0))
    moods = database.execute("SELECT id, mood FROM phanedge_tickets ORDER BY id")
    assert moods.fetchall() == [("x", "sunny"), ("y", None)]


@pytest.mark.parametrize("column", ["next_at", "since"])
def test_the_listings_have_an_index(database: sqlite3.Connection, column: str) -> None:
    query = f"SELECT * FROM phanedge_tickets WHERE {column} <= 5 ORDER BY {column}"
    plan = database.execute(f"EXPLAIN QUERY PLAN {query}").fetchall()

    assert f"USING INDEX phanedge_tickets_{column}" in str(plan)


def test_a_writer_of_a_sqlite_file_does_not_wait_for_its_readers(
    store: TicketStore, database: sqlite3.Connection
) -> None:
    database.execute("BEGIN")
    database.execute("SELECT * FROM phanedge_tickets").fetchall()

    assert store.touch("x", 1, 2.0)
    database.rollback()


def test_a_web_url_and_celerys_url_mean_the_same_table(
    store: TicketStore, file: Path
) -> None:
    store.create(TICKET)

    assert open_store(f"sqlite:///{file}").read("x") == TICKET
