"""What is due: shown to all who look, claimed by one who asks."""

from __future__ import annotations

import random
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sqlalchemy import and_, bindparam, select, update
from sqlalchemy.engine import Connection

from .. import rows
from ..ticket import Stage, Ticket
from .database import Database, found, returns
from .tables import everything, known, readable, tickets

_overdue = (
    everything.where(
        tickets.c.next_at <= bindparam("before"),
        tickets.c.stage != bindparam("but"),
        readable,
    )
    .order_by(tickets.c.next_at)
    .limit(bindparam("most"))
)
_polls = and_(tickets.c.stage == str(Stage.POLLING), readable)
_next_poll = (
    select(tickets.c.next_at)
    .where(_polls, tickets.c.next_at.is_not(None))
    .order_by(tickets.c.next_at)
    .limit(1)
)


@lru_cache(maxsize=4)
def _claim(*, late_only: bool, returning: bool) -> tuple[Any, Any]:
    """Return how the ids of what is due are found, and how they are claimed.

    The second look at ``next_at`` leaves out what another has claimed meanwhile.
    """
    due = and_(_polls, tickets.c.next_at <= bindparam("before"))
    if late_only:
        due = and_(due, tickets.c.deadline <= bindparam("before"))
    first = (
        select(tickets.c.id)
        .where(due)
        .order_by(tickets.c.next_at)
        .limit(bindparam("most"))
    )
    claim = update(tickets).where(due).values(next_at=bindparam("until"))
    if returning:
        # Not a plain subquery: PostgreSQL may run one again for each row.
        free = first.with_for_update(skip_locked=True).cte("free")
        chosen = claim.where(tickets.c.id.in_(select(free.c.id)))
        return first, chosen.returning(*known)
    ids: Any = bindparam("ids", expanding=True)
    return first, claim.where(tickets.c.id.in_(ids))


class Due(Database):
    def claim_due(
        self, before: float, until: float, limit: int, *, late_only: bool = False
    ) -> list[Ticket]:
        values = {"before": before, "until": until, "most": limit}
        with self._connection() as connection:
            claimed = _claimed(connection, values, late_only=late_only)
        return [rows.ticket(row) for row in claimed]

    def next_poll(self) -> float | None:
        with self._connection() as connection:
            return connection.execute(_next_poll).scalar()

    def overdue(
        self, before: float, limit: int, *, but: Stage | None = None
    ) -> list[Ticket]:
        values = {"before": before, "most": limit, "but": str(but or "")}
        with self._connection() as connection:
            late = found(connection, _overdue, values)
        return [rows.ticket(row) for row in late]


def _claimed(
    connection: Connection, values: Mapping[str, Any], *, late_only: bool
) -> list[dict[str, Any]]:
    returning = returns(connection)
    find, claim = _claim(late_only=late_only, returning=returning)
    if returning:
        return found(connection, claim, values)
    ids = list(connection.execute(find, values).scalars())
    if not ids:
        return []
    # No other claim has this very moment, so that it tells which of them are ours.
    until = values["until"] + random.random() / 1000  # noqa: S311
    connection.execute(claim, {**values, "ids": ids, "until": until})
    ours = everything.where(tickets.c.id.in_(ids), tickets.c.next_at == until)
    return found(connection, ours, {})
