"""How long the user's own jobs took, kind by kind."""

from __future__ import annotations

from collections.abc import Sequence

from . import schedule
from .events import say
from .results import moment
from .schedule import PollSchedule
from .tickets import Stage, Ticket, TicketStore, TicketStoreUnavailable


def took(store: TicketStore, ticket: Ticket) -> Sequence[float]:
    """Return how long the last jobs like this one ran, in seconds; none if unknown."""
    kind = _kind(ticket)
    if kind is None:
        return ()
    try:
        return store.took(kind)
    except TicketStoreUnavailable:
        return ()


def first_wait(store: TicketStore, ticket: Ticket, pace: PollSchedule) -> float:
    """Return the wait before the first poll of a job that has just been submitted."""
    known = took(store, ticket) if schedule.may_learn(pace) else ()
    typical = schedule.typical_seconds(ticket.model, ticket.resolution)
    return schedule.first_wait(pace, known, typical)


def note(store: TicketStore, ticket: Ticket) -> None:
    """Remember a job that is done, from its id to the query that found it so.

    What is kept afterwards, with the file or by a store that is away, is no matter of
    the service's; nor is a job of which nobody knows when it began.
    """
    kind, begun = _kind(ticket), ticket.submitted_at
    found = moment((ticket.video or {}).get("retrieved_at")) or ticket.ended_at
    if kind is None or begun is None or found is None or ticket.stage is not Stage.DONE:
        return
    try:
        store.note(kind, round(max(found - begun, 0), 1), schedule.REMEMBERED)
    except TicketStoreUnavailable as error:
        say("store_away", ticket, error)


def _kind(ticket: Ticket) -> str | None:
    """Return in what jobs are alike; None for one that somebody else submitted."""
    if not ticket.model:
        return None
    return f"{ticket.model[:100]} {(ticket.resolution or '')[:20]}".strip()
