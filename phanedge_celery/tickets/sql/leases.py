"""Leases: what only one may do at a time."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import and_, case, insert, not_, or_, select, update
from sqlalchemy.exc import IntegrityError

from ..store import FAR
from .database import Database
from .tables import leases


class Leases(Database):
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
