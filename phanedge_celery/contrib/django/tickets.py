"""Tickets in Django's database, through the ORM: an operation is one statement."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from django.apps import apps
from django.db import DataError, Error, IntegrityError, connections, router, transaction
from django.db.models import Count, F, Q
from django.db.models.functions import Coalesce, Greatest

from phanedge_celery.errors import ConfigurationError
from phanedge_celery.tickets import (
    FAR,
    FORMAT,
    Advance,
    Condition,
    Stage,
    Tally,
    Ticket,
    TicketMissing,
    TicketStoreUnavailable,
    rows,
)

PAGE: Final = 200
APP: Final = "phanedge_celery.contrib.django"


class DjangoTickets:
    """Tickets in the tables ``phanedge_ticket`` and ``phanedge_lease``.

    Always asked where a router sends what is written, so that no replica answers.
    What is written inside ``atomic()`` is part of that transaction: until it
    commits, workers see nothing of it. Raises `ConfigurationError` at once when the
    app is not installed.
    """

    def __init__(self) -> None:
        apps.check_apps_ready()
        if not apps.is_installed(APP):
            raise ConfigurationError(
                "phanedge_tickets: tickets in Django's database need "
                f'"{APP}" in INSTALLED_APPS, then `manage.py migrate`'
            )

    def create(self, ticket: Ticket) -> bool:
        with _table("Ticket") as tickets:
            try:
                # A savepoint: a refused row must not break the caller's transaction.
                with transaction.atomic(using=tickets.db):
                    tickets.create(**rows.row(ticket))
            except IntegrityError:
                return False
        return True

    def read(self, id: str) -> Ticket | None:
        with _table("Ticket") as tickets:
            found = _row(tickets, id)
        return rows.ticket(found) if found else None

    def advance(
        self, id: str, version: int, *, stage: Stage, **changes: Any
    ) -> Ticket | None:
        row = rows.changed(stage, changes)
        row.update(version=version + 1, resends=0)
        with _table("Ticket") as tickets:
            behind = tickets.filter(pk=id, version__lte=version, format__lte=FORMAT)
            # One transaction, or another advance could slip in between the two.
            with transaction.atomic(using=tickets.db):
                carried_out = behind.update(**row) == 1
                found = _row(tickets, id)
        if found is None:
            raise TicketMissing(id)
        ticket = rows.ticket(found)
        return ticket if carried_out else None

    def touch(self, id: str, version: int, next_at: float) -> bool:
        with _table("Ticket") as tickets:
            spoken_for = tickets.filter(pk=id, version=version, format__lte=FORMAT)
            changed: int = spoken_for.update(next_at=next_at, resends=F("resends") + 1)
        return changed == 1

    def advance_many(self, moves: Sequence[Advance]) -> list[Ticket | None]:
        written: dict[str, Ticket | None] = {}
        with _table("Ticket") as tickets, transaction.atomic(using=tickets.db):
            # In one order for all, or two of them may wait for each other.
            for id, version, stage, changes in sorted(moves, key=lambda move: move[0]):
                row = rows.changed(stage, changes)
                row.update(version=version + 1, resends=0)
                behind = tickets.filter(pk=id, version__lte=version, format__lte=FORMAT)
                found = _row(tickets, id) if behind.update(**row) == 1 else None
                written[id] = rows.ticket(found) if found else None
        return [written[id] for id, *_ in moves]

    def claim_due(
        self, before: float, until: float, limit: int, *, late_only: bool = False
    ) -> list[Ticket]:
        wanted = Q(stage=Stage.POLLING, next_at__lte=before, format__lte=FORMAT)
        if late_only:
            wanted &= Q(deadline__lte=before)
        # No other claim has this very moment, so that it tells which of them are ours.
        until += random.random() / 1000  # noqa: S311
        with _table("Ticket") as tickets:
            due = tickets.filter(wanted).order_by("next_at")
            ids = list(due.values_list("pk", flat=True)[:limit])
            # The second look leaves out what another has claimed meanwhile.
            if not ids or not tickets.filter(wanted, pk__in=ids).update(next_at=until):
                return []
            claimed = tickets.filter(pk__in=ids, next_at=until)
            found = list(claimed.values(*rows.FIELDS))
        return [rows.ticket(row) for row in found]

    def next_poll(self) -> float | None:
        with _table("Ticket") as tickets:
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
        with _table("Ticket") as tickets:
            due = tickets.filter(next_at__lte=before, format__lte=FORMAT)
            if but is not None:
                due = due.exclude(stage=but)
            found = list(due.order_by("next_at").values(*rows.FIELDS)[:limit])
        return [rows.ticket(row) for row in found]

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
            with _table("Ticket") as tickets:
                newest = tickets.filter(page).order_by("-since", "-id")
                found = list(newest.values(*rows.FIELDS)[:PAGE])
            for ticket in rows.readable(found):
                if rows.has_error(ticket, error):
                    yield ticket
            if len(found) < PAGE:
                return
            page = wanted & _after(found[-1])

    def tally(self, before: float) -> dict[str, Tally]:
        with _table("Ticket") as tickets:
            waiting = tickets.filter(next_at__isnull=False).order_by().values("stage")
            late = Count("id", filter=Q(next_at__lte=before))
            found = list(waiting.annotate(jobs=Count("id"), late=late))
            # It is asked by a thread, for which nobody else tidies up.
            connections[tickets.db].close_if_unusable_or_obsolete()
        return {row["stage"]: Tally(row["jobs"], row["late"]) for row in found}

    def note(self, kind: str, seconds: float, keep: int) -> None:
        took = json.dumps([*self.took(kind), seconds][-keep:])
        with _table("Kind") as kinds:
            kinds.update_or_create(kind=kind, defaults={"took": took})

    def took(self, kind: str) -> list[float]:
        with _table("Kind") as kinds:
            held = kinds.filter(pk=kind).values_list("took", flat=True).first()
        noted: list[float] = json.loads(held) if held else []
        return noted

    def lease(self, name: str, owner: str, seconds: float) -> int | None:
        now = time.time()
        until = now + seconds
        over = Q(until__lte=now) | Q(until__gt=until + FAR)
        with _table("Lease") as leases:
            named = leases.filter(name=name)
            if not (
                named.filter(~over, owner=owner).update(until=until)
                or named.filter(over).update(
                    token=_grown(now), owner=owner, until=until
                )
                or _inserted(leases, name, owner, now, until)
            ):
                return None
            token: int | None = (
                named.filter(owner=owner).values_list("token", flat=True).first()
            )
            # It is taken by a thread, for which nobody else tidies up.
            connections[leases.db].close_if_unusable_or_obsolete()
        return token

    def purge(self, before: float) -> int:
        with _table("Ticket") as tickets:
            over = tickets.alias(over_at=Coalesce("ended_at", "since")).filter(
                stage__in=rows.OVER,
                next_at=None,
                over_at__lt=before,
                format__lte=FORMAT,
            )
            forgotten, _ = over.delete()
        return int(forgotten)

    def condition(self) -> Condition:
        with _table("Ticket") as tickets, connections[tickets.db].cursor() as cursor:
            cursor.execute("SELECT CURRENT_TIMESTAMP")
            (told,) = cursor.fetchone()
        known = getattr(told, "tzinfo", None) is not None
        return Condition(now=told.timestamp() if known else None)

    def close(self) -> None:
        connection = connections[router.db_for_write(apps.get_model("phanedge.Ticket"))]
        if not connection.in_atomic_block:
            connection.close()


@contextmanager
def _table(name: str) -> Iterator[Any]:
    """Yield all rows of a table; translate what a database raises while away."""
    model = apps.get_model("phanedge", name)
    alias = router.db_for_write(model)
    try:
        yield model.objects.using(alias)
    except DataError:
        raise
    except Error as error:
        # A connection that broke is let go, so that the next call makes a new one.
        connections[alias].close_if_unusable_or_obsolete()
        raise TicketStoreUnavailable(_told(alias, error)) from error


def _told(alias: str, error: Error) -> str:
    first_line = str(error).partition("\n")[0]
    told = f"database {alias!r}: {type(error).__name__}: {first_line}"
    if "phanedge_" in first_line:
        told += " (has `manage.py migrate` been run?)"
    return told


def _row(tickets: Any, id: str) -> Mapping[str, Any] | None:
    found: Mapping[str, Any] | None = tickets.filter(pk=id).values(*rows.FIELDS).first()
    return found


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


def _inserted(leases: Any, name: str, owner: str, now: float, until: float) -> bool:
    fresh = {"name": name, "owner": owner, "token": _token(now), "until": until}
    try:
        with transaction.atomic(using=leases.db):
            leases.create(**fresh)
    except IntegrityError:
        return False
    return True


def _grown(now: float) -> Any:
    return Greatest(F("token") + 1, _token(now))


def _token(now: float) -> int:
    # The clock keeps tokens growing when the table is made anew.
    return int(now * 1000)
