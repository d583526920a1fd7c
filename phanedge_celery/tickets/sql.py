"""Tickets in a database, one row each: an operation is one statement."""

from __future__ import annotations

import contextlib
import json
import os
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import (
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.elements import ColumnElement

from . import rows
from .rows import Row
from .sql_engine import make_engine, make_tables, reachable
from .sql_tables import kinds, leases, tickets
from .store import FAR, Advance, Condition, Tally, TicketMissing, TicketStoreUnavailable
from .ticket import FORMAT, Stage, Ticket

PAGE: Final = 200

_known = [tickets.c[name] for name in rows.FIELDS]
_readable = tickets.c.format <= FORMAT
_all = select(*_known)

# Made once: SQLAlchemy takes longer over a new statement than a database to run it.
_one = _all.where(tickets.c.id == bindparam("wanted"))
_touch = (
    update(tickets)
    .where(
        tickets.c.id == bindparam("wanted"),
        tickets.c.version == bindparam("spoken_for"),
        _readable,
    )
    .values(next_at=bindparam("due"), resends=tickets.c.resends + 1)
)
_due = (
    _all.where(
        tickets.c.next_at <= bindparam("before"),
        tickets.c.stage != bindparam("but"),
        _readable,
    )
    .order_by(tickets.c.next_at)
    .limit(bindparam("most"))
)
_polls = and_(tickets.c.stage == str(Stage.POLLING), _readable)
_next_poll = (
    select(tickets.c.next_at)
    .where(_polls, tickets.c.next_at.is_not(None))
    .order_by(tickets.c.next_at)
    .limit(1)
)

_is_late = case((tickets.c.next_at <= bindparam("before"), 1), else_=0)
_tally = (
    select(tickets.c.stage, func.count(), func.sum(_is_late))
    .where(tickets.c.next_at.is_not(None))
    .group_by(tickets.c.stage)
)


@lru_cache(maxsize=200)
def _advance(names: tuple[str, ...], *, returning: bool) -> Any:
    change = (
        update(tickets)
        .where(
            tickets.c.id == bindparam("wanted"),
            tickets.c.version <= bindparam("spoken_for"),
            _readable,
        )
        .values({name: bindparam(f"new_{name}") for name in names})
    )
    return change.returning(*_known) if returning else change


@lru_cache(maxsize=4)
def _claim(*, late_only: bool, returning: bool) -> tuple[Any, Any]:
    """Return how the ids of what is due are found, and how they are claimed.

    The second look at ``next_at`` leaves out what another has claimed meanwhile.
    """
    due = and_(_polls, tickets.c.next_at <= bindparam("before"))
    if late_only:
        due = and_(due, tickets.c.deadline <= bindparam("before"))
    found = (
        select(tickets.c.id)
        .where(due)
        .order_by(tickets.c.next_at)
        .limit(bindparam("most"))
    )
    claim = update(tickets).where(due).values(next_at=bindparam("until"))
    if returning:
        # Not a plain subquery: PostgreSQL may run one again for each row.
        free = found.with_for_update(skip_locked=True).cte("free")
        chosen = claim.where(tickets.c.id.in_(select(free.c.id)))
        return found, chosen.returning(*_known)
    ids: Any = bindparam("ids", expanding=True)
    return found, claim.where(tickets.c.id.in_(ids))


class SqlTickets:
    """Tickets in the tables ``phanedge_tickets`` and ``phanedge_leases``.

    They are made at first use. Ended tickets stay until `purge`.
    """

    def __init__(self, url: str) -> None:
        self._url = url.removeprefix("db+")
        self._engines: dict[int, Engine] = {os.getpid(): make_engine(self._url)}
        self._ready: set[int] = set()

    def create(self, ticket: Ticket) -> bool:
        with self._connection() as connection:
            try:
                connection.execute(insert(tickets).values(rows.row(ticket)))
            except IntegrityError:
                return False
        return True

    def read(self, id: str) -> Ticket | None:
        with self._connection() as connection:
            found = _row(connection, id)
        return rows.ticket(found) if found else None

    def advance(
        self, id: str, version: int, *, stage: Stage, **changes: Any
    ) -> Ticket | None:
        row = rows.changed(stage, changes)
        row.update(version=version + 1, resends=0)
        known = {"wanted": id, "spoken_for": version}
        with self._connection() as connection:
            found, carried_out = _advanced(connection, row, known)
        if found is None:
            raise TicketMissing(id)
        ticket = rows.ticket(found)
        return ticket if carried_out else None

    def touch(self, id: str, version: int, next_at: float) -> bool:
        known = {"wanted": id, "spoken_for": version, "due": next_at}
        with self._connection() as connection:
            return connection.execute(_touch, known).rowcount == 1

    def advance_many(self, moves: Sequence[Advance]) -> list[Ticket | None]:
        written: dict[str, Ticket | None] = {}
        with self._connection() as connection, _transaction(connection):
            # In one order for all, or two of them may wait for each other.
            for id, version, stage, changes in sorted(moves, key=lambda move: move[0]):
                row = rows.changed(stage, changes)
                row.update(version=version + 1, resends=0)
                known = {"wanted": id, "spoken_for": version}
                found, carried_out = _written(connection, row, known)
                done = found is not None and carried_out
                written[id] = rows.ticket(found) if found and done else None
        return [written[id] for id, *_ in moves]

    def claim_due(
        self, before: float, until: float, limit: int, *, late_only: bool = False
    ) -> list[Ticket]:
        known = {"before": before, "until": until, "most": limit}
        with self._connection() as connection:
            found = _claimed(connection, known, late_only=late_only)
        return [rows.ticket(row) for row in found]

    def next_poll(self) -> float | None:
        with self._connection() as connection:
            return connection.execute(_next_poll).scalar()

    def overdue(
        self, before: float, limit: int, *, but: Stage | None = None
    ) -> list[Ticket]:
        known = {"before": before, "most": limit, "but": str(but or "")}
        with self._connection() as connection:
            found = _rows(connection, _due, known)
        return [rows.ticket(row) for row in found]

    def jobs(
        self,
        *,
        stage: Stage | None = None,
        error: str | None = None,
        since: float | None = None,
    ) -> Iterator[Ticket]:
        newest = _all.order_by(tickets.c.since.desc(), tickets.c.id.desc())
        for condition in _wanted(stage, error, since):
            newest = newest.where(condition)
        page = newest.limit(PAGE)
        while True:
            with self._connection() as connection:
                found = _rows(connection, page, {})
            for ticket in rows.readable(found):
                if rows.has_error(ticket, error):
                    yield ticket
            if len(found) < PAGE:
                return
            page = newest.where(_after(found[-1])).limit(PAGE)

    def tally(self, before: float) -> dict[str, Tally]:
        with self._connection() as connection:
            found = connection.execute(_tally, {"before": before}).all()
        return {stage: Tally(int(jobs), int(late)) for stage, jobs, late in found}

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

    def lease(self, name: str, owner: str, seconds: float) -> int | None:
        now = time.time()
        with self._connection() as connection:
            if connection.execute(_renewal(name, owner, seconds, now)).rowcount == 0:
                fresh = insert(leases).values(
                    name=name, owner=owner, token=_token(now), until=now + seconds
                )
                try:
                    connection.execute(fresh)
                except IntegrityError:
                    return None
            held = select(leases.c.token).where(
                leases.c.name == name, leases.c.owner == owner
            )
            return connection.execute(held).scalar()

    def purge(self, before: float) -> int:
        over = delete(tickets).where(
            tickets.c.stage.in_(rows.OVER),
            tickets.c.next_at.is_(None),
            func.coalesce(tickets.c.ended_at, tickets.c.since) < before,
            _readable,
        )
        with self._connection() as connection:
            return connection.execute(over).rowcount

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


def _noted(connection: Connection, kind: str) -> list[float] | None:
    held = connection.execute(select(kinds.c.took).where(kinds.c.kind == kind)).scalar()
    noted: list[float] | None = None if held is None else json.loads(held)
    return noted


def _rows(
    connection: Connection, statement: Any, known: Mapping[str, Any]
) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(statement, known).mappings()]


def _row(connection: Connection, id: str) -> dict[str, Any] | None:
    found = _rows(connection, _one, {"wanted": id})
    return found[0] if found else None


def _advanced(
    connection: Connection, row: Row, known: Mapping[str, Any]
) -> tuple[dict[str, Any] | None, bool]:
    """Write *row*; return all as it is now, and whether it was written."""
    if _returns(connection):
        return _written(connection, row, known)
    with _transaction(connection):
        return _written(connection, row, known)


def _written(
    connection: Connection, row: Row, known: Mapping[str, Any]
) -> tuple[dict[str, Any] | None, bool]:
    returning = _returns(connection)
    change = _advance(tuple(row), returning=returning)
    values = {**known, **{f"new_{name}": value for name, value in row.items()}}
    if not returning:
        carried_out = connection.execute(change, values).rowcount == 1
        return _row(connection, known["wanted"]), carried_out
    changed = _rows(connection, change, values)
    if changed:
        return changed[0], True
    return _row(connection, known["wanted"]), False


def _claimed(
    connection: Connection, known: Mapping[str, Any], *, late_only: bool
) -> list[dict[str, Any]]:
    returning = _returns(connection)
    find, claim = _claim(late_only=late_only, returning=returning)
    if returning:
        return _rows(connection, claim, known)
    ids = list(connection.execute(find, known).scalars())
    if not ids:
        return []
    # No other claim has this very moment, so that it tells which of them are ours.
    until = known["until"] + random.random() / 1000  # noqa: S311
    connection.execute(claim, {**known, "ids": ids, "until": until})
    ours = _all.where(tickets.c.id.in_(ids), tickets.c.next_at == until)
    return _rows(connection, ours, {})


def _returns(connection: Connection) -> bool:
    return bool(getattr(connection.dialect, "update_returning", False))


def _transaction(connection: Connection) -> AbstractContextManager[Any]:
    level = connection.default_isolation_level
    return connection.execution_options(isolation_level=level).begin()


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


def _token(now: float) -> int:
    # The clock keeps tokens growing when the table is made anew.
    return int(now * 1000)


def _renewal(name: str, owner: str, seconds: float, now: float) -> Any:
    over = or_(leases.c.until <= now, leases.c.until > now + seconds + FAR)
    held = and_(leases.c.owner == owner, not_(over))
    grown = leases.c.token + 1
    fresh = case((grown > _token(now), grown), else_=_token(now))
    # The token first: MySQL lets each assignment see the ones before it.
    return (
        update(leases)
        .where(leases.c.name == name, or_(held, over))
        .ordered_values(
            (leases.c.token, case((held, leases.c.token), else_=fresh)),
            (leases.c.owner, owner),
            (leases.c.until, now + seconds),
        )
    )
