"""All tickets: listed, counted, and forgotten once they are over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from sqlalchemy import and_, bindparam, case, delete, func, or_, select
from sqlalchemy.sql.elements import ColumnElement

from .. import rows
from ..store import Tally
from ..ticket import Stage, Ticket
from .database import Database, found
from .tables import everything, readable, tickets

PAGE: Final = 200

_is_late = case((tickets.c.next_at <= bindparam("before"), 1), else_=0)
_tally = (
    select(tickets.c.stage, func.count(), func.sum(_is_late))
    .where(tickets.c.next_at.is_not(None))
    .group_by(tickets.c.stage)
)


class Listings(Database):
    def jobs(
        self,
        *,
        stage: Stage | None = None,
        error: str | None = None,
        since: float | None = None,
    ) -> Iterator[Ticket]:
        newest = everything.order_by(tickets.c.since.desc(), tickets.c.id.desc())
        for condition in _wanted(stage, error, since):
            newest = newest.where(condition)
        page = newest.limit(PAGE)
        while True:
            with self._connection() as connection:
                listed = found(connection, page, {})
            yield from rows.readable(listed, error)
            if len(listed) < PAGE:
                return
            page = newest.where(_after(listed[-1])).limit(PAGE)

    def tally(self, before: float) -> dict[str, Tally]:
        with self._connection() as connection:
            counted = connection.execute(_tally, {"before": before}).all()
        return {stage: Tally(int(jobs), int(late)) for stage, jobs, late in counted}

    def purge(self, before: float) -> int:
        over = delete(tickets).where(
            tickets.c.stage.in_(rows.OVER),
            tickets.c.next_at.is_(None),
            func.coalesce(tickets.c.ended_at, tickets.c.since) < before,
            readable,
        )
        with self._connection() as connection:
            return connection.execute(over).rowcount


def _wanted(
    stage: Stage | None, error: str | None, since: float | None
) -> Iterator[ColumnElement[bool]]:
    if stage is not None:
        yield tickets.c.stage == str(stage)
    if error is not None:
        yield tickets.c.error.is_not(None)
    if since is not None:
        yield tickets.c.since >= since


def _after(row: Mapping[str, Any]) -> ColumnElement[bool]:
    tied = and_(tickets.c.since == row["since"], tickets.c.id < row["id"])
    return or_(tickets.c.since < row["since"], tied)
