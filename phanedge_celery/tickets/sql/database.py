"""A database with our tables, asked from whichever process."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.engine import Connection, Engine

from ..store import Condition, TicketStoreUnavailable
from .engine import make_engine, make_tables, reachable


class Database:
    """What all parts of the store stand on. Its tables are made at first use."""

    def __init__(self, url: str) -> None:
        self._url = url.removeprefix("db+")
        self._engines: dict[int, Engine] = {os.getpid(): make_engine(self._url)}
        self._ready: set[int] = set()

    def condition(self) -> Condition:
        with self._connection() as connection:
            told = connection.execute(select(func.current_timestamp())).scalar_one()
        return Condition(now=told.timestamp() if told.tzinfo else None)

    def close(self) -> None:
        if engine := self._engines.pop(os.getpid(), None):
            engine.dispose()

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        """Connect, in an engine of this process: a child must not speak on ours."""
        pid = os.getpid()
        # Engines of earlier processes are kept: to collect one is to hang up for it.
        engine = self._engines.get(pid) or self._engines.setdefault(
            pid, make_engine(self._url)
        )
        try:
            with reachable():
                if pid not in self._ready:
                    make_tables(engine)
                    self._ready.add(pid)
                with engine.connect() as connection:
                    yield connection
        except TicketStoreUnavailable:
            # What comes back may be an empty database.
            self._ready.discard(pid)
            raise


def found(
    connection: Connection, statement: Any, known: Mapping[str, Any]
) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(statement, known).mappings()]


def returns(connection: Connection) -> bool:
    """Does an UPDATE of this database tell what it has written?"""
    return bool(getattr(connection.dialect, "update_returning", False))
