"""How long the last jobs of a kind took."""

from __future__ import annotations

import contextlib
import json

from sqlalchemy import insert, select, update
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from .database import Database
from .tables import kinds


class Experience(Database):
    def note(self, kind: str, seconds: float, keep: int) -> None:
        with self._connection() as connection:
            known = _noted(connection, kind)
            took = json.dumps([*(known or ()), seconds][-keep:])
            if known is not None:
                change = update(kinds).where(kinds.c.kind == kind)
                connection.execute(change.values(took=took))
                return
            with contextlib.suppress(IntegrityError):
                connection.execute(insert(kinds).values(kind=kind, took=took))

    def took(self, kind: str) -> list[float]:
        with self._connection() as connection:
            return _noted(connection, kind) or []


def _noted(connection: Connection, kind: str) -> list[float] | None:
    held = connection.execute(select(kinds.c.took).where(kinds.c.kind == kind)).scalar()
    noted: list[float] | None = None if held is None else json.loads(held)
    return noted
