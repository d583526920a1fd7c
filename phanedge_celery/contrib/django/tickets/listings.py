"""All tickets: listed, counted, and forgotten once they are over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.db import connections
from django.db.models import Count, Q
from django.db.models.functions import Coalesce

from phanedge_celery.tickets import FORMAT, Stage, Tally, Ticket, rows

from .tables import table

PAGE: Final = 200


class Listings:
    def jobs(
        self,
        *,
        stage: Stage | None = None,
        error: str | None = None,
        since: float | None = None,
    ) -> Iterator[Ticket]:
        wanted = _wanted(stage, error, since)
        page = wanted
        while True:
            with table("Ticket") as tickets:
                newest = tickets.filter(page).order_by("-since", "-id")
                found = list(newest.values(*rows.FIELDS)[:PAGE])
            yield from rows.readable(found, error)
            if len(found) < PAGE:
                return
            page = wanted & _after(found[-1])

    def tally(self, before: float) -> dict[str, Tally]:
        with table("Ticket") as tickets:
            waiting = tickets.filter(next_at__isnull=False).order_by().values("stage")
            late = Count("id", filter=Q(next_at__lte=before))
            found = list(waiting.annotate(jobs=Count("id"), late=late))
            # It is asked by a thread, for which nobody else tidies up.
            connections[tickets.db].close_if_unusable_or_obsolete()
        return {row["stage"]: Tally(row["jobs"], row["late"]) for row in found}

    def purge(self, before: float) -> int:
        with table("Ticket") as tickets:
            over = tickets.alias(over_at=Coalesce("ended_at", "since")).filter(
                stage__in=rows.OVER,
                next_at=None,
                over_at__lt=before,
                format__lte=FORMAT,
            )
            forgotten, _ = over.delete()
        return int(forgotten)


def _wanted(stage: Stage | None, error: str | None, since: float | None) -> Any:
    wanted = Q()
    if stage is not None:
        wanted &= Q(stage=str(stage))
    if error is not None:
        wanted &= Q(error__isnull=False)
    if since is not None:
        wanted &= Q(since__gte=since)
    return wanted


def _after(row: Mapping[str, Any]) -> Any:
    return Q(since__lt=row["since"]) | Q(since=row["since"], id__lt=row["id"])
