"""A ticket store that notes which stage came after which."""

from __future__ import annotations

from typing import Any

from phanedge_celery.tickets import Stage, Ticket
from phanedge_celery.tickets.memory import MemoryTickets

Pair = tuple[Stage, Stage]


class NotingTickets(MemoryTickets):
    """Tickets in memory; `seen` has each change of stage."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[Pair] = set()

    def advance(
        self, id: str, version: int, *, stage: Stage, **changes: Any
    ) -> Ticket | None:
        before = self.read(id)
        after = super().advance(id, version, stage=stage, **changes)
        if before is not None and after is not None:
            self.seen.add((before.stage, after.stage))
        return after
