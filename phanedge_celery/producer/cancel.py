"""Stopping to follow a job."""

from __future__ import annotations

import time
from typing import Any

from celery import Celery, states
from celery.app import app_or_default

from .. import endings, results
from ..errors import JobNotFound
from ..tickets import Stage, Ticket, TicketStore, store_for
from .look import is_id
from .sending import send_now


def cancel_video(id: str, app: Celery | None = None) -> dict[str, Any]:
    """Stop following a job; the vendor, who has no way to cancel, may still bill it.

    Returns ``{"stopped", "job_id", "may_be_billed"}``: stopped ``before_submit``,
    while ``following``, or ``too_late``, when it has already ended. Raises
    `JobNotFound` for what can be no id, and `tickets.TicketStoreUnavailable`.
    """
    app = app_or_default(app)
    if not is_id(id):
        raise JobNotFound(f"nothing can be known of the id {str(id)[:80]!r}")
    store = store_for(app)
    while True:
        ticket = store.read(id)
        if ticket is None:
            return _cancel_unstarted(app, store, id)
        if ticket.stage.ended or ticket.stage is Stage.ENDING:
            return _stopped("too_late", ticket)
        cancelled = store.advance(
            id, ticket.version, stage=Stage.CANCELLED, next_at=time.time()
        )
        if cancelled is not None:
            send_now(app, cancelled)
            early = ticket.stage is Stage.QUEUED and not ticket.job_id
            return _stopped("before_submit" if early else "following", ticket)


def _cancel_unstarted(app: Celery, store: TicketStore, id: str) -> dict[str, Any]:
    """Cancel a canvas node that has not begun: its step will find this ticket."""
    now = time.time()
    ticket = Ticket(id=id, stage=Stage.CANCELLED, since=now)
    if results.stored(app, id)[0] != states.PENDING:
        return _stopped("too_late", ticket)
    if not store.create(ticket):
        return cancel_video(id, app)
    return _stopped("before_submit", ticket)


def _stopped(how: str, ticket: Ticket) -> dict[str, Any]:
    billed = ticket.job_id is not None or endings.awaits_a_job(ticket)
    return {"stopped": how, "job_id": ticket.job_id, "may_be_billed": billed}
