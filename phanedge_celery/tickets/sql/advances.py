"""One ticket's row: written, read, and advanced from version to version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from functools import lru_cache
from typing import Any

from sqlalchemy import bindparam, insert, update
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from .. import rows
from ..rows import Row
from ..store import Advance, TicketMissing
from ..ticket import Stage, Ticket
from .database import Database, found, returns
from .tables import everything, known, readable, tickets

# Made once: SQLAlchemy takes longer over a new statement than a database to run it.
_one = everything.where(tickets.c.id == bindparam("wanted"))
_touch = (
    update(tickets)
    .where(
        tickets.c.id == bindparam("wanted"),
        tickets.c.version == bindparam("spoken_for"),
        readable,
    )
    .values(next_at=bindparam("due"), resends=tickets.c.resends + 1)
)


@lru_cache(maxsize=200)
def _change(names: tuple[str, ...], *, returning: bool) -> Any:
    change = (
        update(tickets)
        .where(
            tickets.c.id == bindparam("wanted"),
            tickets.c.version <= bindparam("spoken_for"),
            readable,
        )
        .values({name: bindparam(f"new_{name}") for name in names})
    )
    return change.returning(*known) if returning else change


class Advances(Database):
    def create(self, ticket: Ticket) -> bool:
        with self._connection() as connection:
            try:
                connection.execute(insert(tickets).values(rows.row(ticket)))
            except IntegrityError:
                return False
        return True

    def read(self, id: str) -> Ticket | None:
        with self._connection() as connection:
            row = _row(connection, id)
        return rows.ticket(row) if row else None

    def advance(
        self, id: str, version: int, *, stage: Stage, **changes: Any
    ) -> Ticket | None:
        row = rows.changed(stage, changes)
        with self._connection() as connection:
            written, carried_out = _advanced(connection, id, version, row)
        if written is None:
            raise TicketMissing(id)
        ticket = rows.ticket(written)
        return ticket if carried_out else None

    def advance_many(self, moves: Sequence[Advance]) -> list[Ticket | None]:
        done: dict[str, Ticket | None] = {}
        with self._connection() as connection, _transaction(connection):
            # In one order for all, or two of them may wait for each other.
            for id, version, stage, changes in sorted(moves, key=lambda move: move[0]):
                row = rows.changed(stage, changes)
                written, carried_out = _written(connection, id, version, row)
                done[id] = rows.ticket(written) if written and carried_out else None
        return [done[id] for id, *_ in moves]

    def touch(self, id: str, version: int, next_at: float) -> bool:
        values = {"wanted": id, "spoken_for": version, "due": next_at}
        with self._connection() as connection:
            return connection.execute(_touch, values).rowcount == 1


def _row(connection: Connection, id: str) -> dict[str, Any] | None:
    row = found(connection, _one, {"wanted": id})
    return row[0] if row else None


def _advanced(
    connection: Connection, id: str, version: int, row: Row
) -> tuple[dict[str, Any] | None, bool]:
    """Write *row*; return all as it is now, and whether it was written."""
    if returns(connection):
        return _written(connection, id, version, row)
    with _transaction(connection):
        return _written(connection, id, version, row)


def _written(
    connection: Connection, id: str, version: int, row: Row
) -> tuple[dict[str, Any] | None, bool]:
    row = {**row, "version": version + 1, "resends": 0}
    returning = returns(connection)
    change = _change(tuple(row), returning=returning)
    values: Mapping[str, Any] = {
        "wanted": id,
        "spoken_for": version,
        **{f"new_{name}": value for name, value in row.items()},
    }
    if not returning:
        carried_out = connection.execute(change, values).rowcount == 1
        return _row(connection, id), carried_out
    changed = found(connection, change, values)
    if changed:
        return changed[0], True
    return _row(connection, id), False


def _transaction(connection: Connection) -> AbstractContextManager[Any]:
    level = connection.default_isolation_level
    return connection.execution_options(isolation_level=level).begin()
