"""Tickets in this process's memory, for eager mode and the in-memory broker."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from threading import Lock
from typing import Any, NamedTuple

from . import rows
from .rows import Row
from .store import FAR, Advance, Condition, Tally, TicketMissing, TicketUnreadable
from .ticket import FORMAT, Stage, Ticket


class _Lease(NamedTuple):
    owner: str
    token: int
    until: float


class MemoryTickets:
    """A dict of rows under a lock. Other processes, children too, have their own."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._rows: dict[str, Row] = {}
        self._leases: dict[str, _Lease] = {}
        self._took: dict[str, list[float]] = {}

    def create(self, ticket: Ticket) -> bool:
        row = rows.row(ticket)
        with self._lock:
            return self._rows.setdefault(ticket.id, row) is row

    def read(self, id: str) -> Ticket | None:
        row = self._rows.get(id)
        return rows.ticket(row) if row else None

    def advance(
        self, id: str, version: int, *, stage: Stage, **changes: Any
    ) -> Ticket | None:
        written = rows.changed(stage, changes)
        with self._lock:
            row = self._rows.get(id)
            if row is None:
                raise TicketMissing(id)
            if rows.ticket(row).version > version:
                return None
            counted: Row = {"version": version + 1, "resends": 0}
            self._rows[id] = row = {**row, **written, **counted}
        return rows.ticket(row)

    def touch(self, id: str, version: int, next_at: float) -> bool:
        with self._lock:
            row = self._rows.get(id)
            if row is None or _newer(row) or row["version"] != version:
                return False
            resends = rows.ticket(row).resends + 1
            self._rows[id] = {**row, "next_at": next_at, "resends": resends}
        return True

    def advance_many(self, moves: Sequence[Advance]) -> list[Ticket | None]:
        return [self._tried(*move) for move in moves]

    def _tried(
        self, id: str, version: int, stage: Stage, changes: Mapping[str, Any]
    ) -> Ticket | None:
        try:
            return self.advance(id, version, stage=stage, **changes)
        except (TicketMissing, TicketUnreadable):
            return None

    def claim_due(
        self, before: float, until: float, limit: int, *, late_only: bool = False
    ) -> list[Ticket]:
        with self._lock:
            due = [
                ticket
                for ticket in _due(self._rows.values(), before)
                if ticket.stage is Stage.POLLING
                and (not late_only or _is_late(ticket, before))
            ]
            for ticket in due[:limit]:
                self._rows[ticket.id] = {**self._rows[ticket.id], "next_at": until}
        return [replace(ticket, next_at=until) for ticket in due[:limit]]

    def next_poll(self) -> float | None:
        polling = (row for row in self._all() if row["stage"] == Stage.POLLING)
        due = _due(polling, math.inf)
        return due[0].next_at if due else None

    def overdue(
        self, before: float, limit: int, *, but: Stage | None = None
    ) -> list[Ticket]:
        due = _due(self._all(), before)
        return [ticket for ticket in due if ticket.stage is not but][:limit]

    def jobs(
        self,
        *,
        stage: Stage | None = None,
        error: str | None = None,
        since: float | None = None,
    ) -> Iterator[Ticket]:
        newest = sorted(rows.readable(self._all(), error), key=lambda t: -t.since)
        for ticket in newest:
            wanted = stage is None or ticket.stage is stage
            young = since is None or ticket.since >= since
            if wanted and young:
                yield ticket

    def tally(self, before: float) -> dict[str, Tally]:
        found: dict[str, Tally] = {}
        for ticket in _due(self._all(), math.inf):
            jobs, late = found.get(str(ticket.stage), (0, 0))
            is_late = ticket.next_at is not None and ticket.next_at <= before
            found[str(ticket.stage)] = Tally(jobs + 1, late + is_late)
        return found

    def note(self, kind: str, seconds: float, keep: int) -> None:
        with self._lock:
            self._took[kind] = [*self._took.get(kind, ()), seconds][-keep:]

    def took(self, kind: str) -> list[float]:
        return list(self._took.get(kind, ()))

    def lease(self, name: str, owner: str, seconds: float) -> int | None:
        now = time.time()
        with self._lock:
            held = self._leases.get(name, _Lease("", 0, 0))
            goes_on = now < held.until <= now + seconds + FAR
            if goes_on and held.owner != owner:
                return None
            token = held.token if goes_on else held.token + 1
            self._leases[name] = _Lease(owner, token, now + seconds)
        return token

    def purge(self, before: float) -> int:
        with self._lock:
            over = [id for id, row in self._rows.items() if _over(row, before)]
            for id in over:
                del self._rows[id]
        return len(over)

    def condition(self) -> Condition:
        return Condition(now=time.time())

    def close(self) -> None:
        """Nothing to let go of; what was written stays."""

    def clear(self) -> None:
        """Forget everything, so that a test starts from nothing."""
        with self._lock:
            self._rows.clear()
            self._leases.clear()
            self._took.clear()

    def _all(self) -> list[Row]:
        with self._lock:
            return list(self._rows.values())


def _due(found: Iterable[Row], before: float) -> list[Ticket]:
    due = [
        (ticket.next_at, ticket.id, ticket)
        for ticket in (rows.ticket(row) for row in found if not _newer(row))
        if ticket.next_at is not None and ticket.next_at <= before
    ]
    return [ticket for _, _, ticket in sorted(due, key=lambda d: d[:2])]


def _is_late(ticket: Ticket, now: float) -> bool:
    return ticket.deadline is not None and ticket.deadline <= now


def _newer(row: Row) -> bool:
    return int(row["format"] or FORMAT) > FORMAT


def _over(row: Row, before: float) -> bool:
    if _newer(row):
        return False
    ticket = rows.ticket(row)
    waits = ticket.next_at is not None
    return (
        ticket.stage.ended and not waits and (ticket.ended_at or ticket.since) < before
    )
