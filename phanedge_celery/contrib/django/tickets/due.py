"""What is due: shown to all who look, claimed by one who asks."""

from __future__ import annotations

import random

from django.db.models import Q

from phanedge_celery.tickets import FORMAT, Stage, Ticket, rows

from .tables import table


class Due:
    def claim_due(
        self, before: float, until: float, limit: int, *, late_only: bool = False
    ) -> list[Ticket]:
        wanted = Q(stage=Stage.POLLING, next_at__lte=before, format__lte=FORMAT)
        if late_only:
            wanted &= Q(deadline__lte=before)
        # No other claim has this very moment, so that it tells which of them are ours.
        until += random.random() / 1000  # noqa: S311
        with table("Ticket") as tickets:
            due = tickets.filter(wanted).order_by("next_at")
            ids = list(due.values_list("pk", flat=True)[:limit])
            # The second look leaves out what another has claimed meanwhile.
            if not ids or not tickets.filter(wanted, pk__in=ids).update(next_at=until):
                return []
            claimed = tickets.filter(pk__in=ids, next_at=until)
            found = list(claimed.values(*rows.FIELDS))
        return [rows.ticket(row) for row in found]

    def next_poll(self) -> float | None:
        with table("Ticket") as tickets:
            due = tickets.filter(
                stage=Stage.POLLING, next_at__isnull=False, format__lte=FORMAT
            )
            first: float | None = (
                due.order_by("next_at").values_list("next_at", flat=True).first()
            )
        return first

    def overdue(
        self, before: float, limit: int, *, but: Stage | None = None
    ) -> list[Ticket]:
        with table("Ticket") as tickets:
            due = tickets.filter(next_at__lte=before, format__lte=FORMAT)
            if but is not None:
                due = due.exclude(stage=but)
            found = list(due.order_by("next_at").values(*rows.FIELDS)[:limit])
        return [rows.ticket(row) for row in found]
