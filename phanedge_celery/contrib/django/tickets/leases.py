"""Leases: what only one may do at a time."""

from __future__ import annotations

import time
from typing import Any

from django.db import IntegrityError, connections, transaction
from django.db.models import F, Q
from django.db.models.functions import Greatest

from phanedge_celery.tickets import FAR

from .tables import table


class Leases:
    def lease(self, name: str, owner: str, seconds: float) -> int | None:
        now = time.time()
        until = now + seconds
        over = Q(until__lte=now) | Q(until__gt=until + FAR)
        with table("Lease") as leases:
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
