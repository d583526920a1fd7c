"""One ticket's row: written, read, and advanced from version to version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F

from phanedge_celery.tickets import (
    FORMAT,
    Advance,
    Stage,
    Ticket,
    TicketMissing,
    rows,
)

from .tables import table


class Advances:
    def create(self, ticket: Ticket) -> bool:
        with table("Ticket") as tickets:
            try:
                # A savepoint: a refused row must not break the caller's transaction.
                with transaction.atomic(using=tickets.db):
                    tickets.create(**rows.row(ticket))
            except IntegrityError:
                return False
        return True

    def read(self, id: str) -> Ticket | None:
        with table("Ticket") as tickets:
            found = _row(tickets, id)
        return rows.ticket(found) if found else None

    def advance(
        self, id: str, version: int, *, stage: Stage, **changes: Any
    ) -> Ticket | None:
        row = rows.changed(stage, changes)
        # One transaction, or another advance could slip in between the two.
        with table("Ticket") as tickets, transaction.atomic(using=tickets.db):
            carried_out = _written(tickets, id, version, row)
            found = _row(tickets, id)
        if found is None:
            raise TicketMissing(id)
        ticket = rows.ticket(found)
        return ticket if carried_out else None

    def advance_many(self, moves: Sequence[Advance]) -> list[Ticket | None]:
        done: dict[str, Ticket | None] = {}
        with table("Ticket") as tickets, transaction.atomic(using=tickets.db):
            # In one order for all, or two of them may wait for each other.
            for id, version, stage, changes in sorted(moves, key=lambda move: move[0]):
                row = rows.changed(stage, changes)
                carried_out = _written(tickets, id, version, row)
                found = _row(tickets, id) if carried_out else None
                done[id] = rows.ticket(found) if found else None
        return [done[id] for id, *_ in moves]

    def touch(self, id: str, version: int, next_at: float) -> bool:
        with table("Ticket") as tickets:
            spoken_for = tickets.filter(pk=id, version=version, format__lte=FORMAT)
            changed: int = spoken_for.update(next_at=next_at, resends=F("resends") + 1)
        return changed == 1


def _row(tickets: Any, id: str) -> Mapping[str, Any] | None:
    found: Mapping[str, Any] | None = tickets.filter(pk=id).values(*rows.FIELDS).first()
    return found


def _written(tickets: Any, id: str, version: int, row: rows.Row) -> bool:
    behind = tickets.filter(pk=id, version__lte=version, format__lte=FORMAT)
    changed: int = behind.update(**row, version=version + 1, resends=0)
    return changed == 1
