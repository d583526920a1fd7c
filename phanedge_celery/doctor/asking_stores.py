"""Whether broker, results and tickets can be reached, and how the tickets fare."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

from celery import Celery

from ..errors import ConfigurationError
from ..settings.serving import unfit_backend
from ..tickets import TicketStore, store_for
from .finding import Finding, found

PROBE: Final = "phanedge-doctor"
"""An id that no job has."""

SKEW: Final = 5.0
"""Seconds that two clocks may differ; the watch gives a job thirty."""


def broker(app: Celery) -> Iterator[Finding]:
    with app.connection_for_write(connect_timeout=5) as connection:
        connection.connect()
    yield from ()


def results(app: Celery) -> Iterator[Finding]:
    if not unfit_backend(app):
        app.backend.get_task_meta(PROBE)
    yield from ()


def tickets(app: Celery) -> Iterator[Finding]:
    try:
        store = store_for(app)
    except ConfigurationError:
        return
    store.read(PROBE)
    yield from condition(store)


def condition(store: TicketStore) -> Iterator[Finding]:
    """Find a store that forgets tickets, and clocks that differ."""
    before = time.time()
    told = store.condition()
    now = (before + time.time()) / 2
    if told.evicts:
        yield _evicting(told.evicts)
    if told.now is not None and abs(told.now - now) > SKEW:
        yield _skewed(now - told.now)


def _evicting(policy: str) -> Finding:
    return found(
        "E110",
        what=f"The ticket store forgets when it is full: maxmemory-policy {policy}.",
        why=(
            "A ticket that is evicted takes a paid job with it, and the key that kept"
            " the job from being bought twice."
        ),
        setting="redis.conf: maxmemory-policy noeviction",
    )


def _skewed(seconds: float) -> Finding:
    ahead = "ahead of" if seconds > 0 else "behind"
    return found(
        "W111",
        what=f"The clock here is {abs(seconds):.0f} s {ahead} the ticket store's.",
        why=(
            "What is due, overdue and too late is judged by each machine's own clock:"
            " jobs are sent twice, late, or given up too early."
        ),
        setting="time synchronisation (NTP) on this machine and on the store's",
    )
