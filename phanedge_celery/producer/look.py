"""Where jobs are, as an app shows them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from celery import Celery, states
from celery.app import app_or_default

from .. import experience, results, schedule
from ..settings import settings_for
from ..tickets import Stage, Ticket, TicketStore, store_for
from ..tickets.rows import has_error


def video_progress(id: str, app: Celery | None = None) -> dict[str, Any]:
    """Return where a job is, as one JSON-ready dict, whatever its state.

    An id that nobody knows is ``PENDING``. Never triggers work, needs no API key;
    raises `tickets.TicketStoreUnavailable` when there is nothing to read from.
    """
    app = app_or_default(app)
    ticket = store_for(app).read(id) if is_id(id) else None
    if ticket is None:
        return _without_ticket(app, id)
    seen: Any = None
    if ticket.stage in (Stage.DONE, Stage.ENDING, Stage.SAVING):
        _, seen = results.stored(app, ticket.id)
    state = results.STATES.get(ticket.stage, results.PROGRESS)
    seen = seen if isinstance(seen, Mapping) else None
    return results.progress(
        ticket,
        state,
        time.time(),
        seen,
        watched=settings_for(app).watch_polls,
        took=experience.took(store_for(app), ticket),
    )


def _without_ticket(app: Celery, id: Any) -> dict[str, Any]:
    if not is_id(id):
        return results.unknown(str(id)[:_LONGEST_ID], states.PENDING, None)
    return results.unknown(id, *results.stored(app, id))


_LONGEST_ID = 255


def is_id(id: Any) -> bool:
    return isinstance(id, str) and 0 < len(id) <= _LONGEST_ID and id.isprintable()


def jobs(
    *,
    stage: str | None = None,
    overdue: bool = False,
    error: str | None = None,
    since: float | None = None,
    app: Celery | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield jobs, newest first, each as `video_progress` shows it.

    *stage* is one of `tickets.Stage`, *error* the name of an error class, *since* a
    Unix time; *overdue* leaves out all that are on time, and shows the 10,000 that
    are overdue for longest. Raises `tickets.TicketStoreUnavailable`.
    """
    app = app_or_default(app)
    now = time.time()
    wanted = Stage(stage) if stage else None
    store, watched = store_for(app), settings_for(app).watch_polls
    if overdue:
        late = _overdue(store, now, wanted, error, since)
        found = iter([t for t in late if results.is_overdue(t, now, watched=watched)])
    else:
        found = store.jobs(stage=wanted, error=error, since=since)
    for ticket in found:
        state = results.STATES.get(ticket.stage, results.PROGRESS)
        yield results.progress(ticket, state, now, watched=watched)


def _overdue(
    store: TicketStore,
    now: float,
    stage: Stage | None,
    error: str | None,
    since: float | None,
) -> list[Ticket]:
    """Ask for what is due: to read all tickets takes a store minutes."""
    found = store.overdue(now - schedule.WATCH.grace, _MOST_OVERDUE)
    wanted = [
        ticket
        for ticket in found
        if stage in (None, ticket.stage)
        and has_error(ticket, error)
        and ticket.since >= (since or 0)
    ]
    return sorted(wanted, key=lambda ticket: -ticket.since)


_MOST_OVERDUE = 10_000
