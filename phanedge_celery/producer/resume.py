"""Going on with a job under its id."""

from __future__ import annotations

import time
from typing import Any

from celery import Celery
from celery.app import app_or_default

from .. import endings, messages, results
from ..errors import JobNotFound, RequestInvalid
from ..events import say
from ..models import job_id_of
from ..moves import POLL
from ..settings import settings_for
from ..tasks import STAGES
from ..tickets import Stage, Ticket, TicketStore, store_for
from .look import is_id
from .sending import send_now


def resume_video(
    id: str, job_id: str | int | None = None, app: Celery | None = None
) -> dict[str, Any]:
    """Go on with a job under its id, with all that its ticket holds.

    A failure that can be resumed is reopened with a new deadline; an overdue job is
    sent again; one that runs or is finished is left alone. *job_id* gives a job that
    was found in the vendor's console to the submission that got no answer. Safe to
    call twice at once.

    Returns ``{"resumed", "canvas_told"}``: resumed is ``reopened``, ``adopted``,
    ``sent_again``, or None; *canvas_told* says that callbacks, chain and chord
    have already been told of the failure, and will not hear of this success.
    Raises `JobNotFound` for an id without a ticket, `RequestInvalid` for a job id
    that cannot be given.
    """
    app = app_or_default(app)
    store = store_for(app)
    ticket = store.read(id) if is_id(id) else None
    if ticket is None:
        raise JobNotFound(f"nothing is known of the id {str(id)[:80]!r}")
    if job_id is not None:
        return _adopt(app, store, ticket, job_id_of(job_id))
    watched = settings_for(app).watch_polls
    way = way_to_resume(ticket, time.time(), watched=watched)
    if way == "reopened":
        return _resumed(way, reopen(app, store, ticket))
    if way == "sent_again":
        messages.resend(app, store, ticket)
    return {"resumed": way, "canvas_told": False}


def way_to_resume(ticket: Ticket, now: float, *, watched: bool = False) -> str | None:
    """Return what `resume_video` would do; None when it would leave the job alone.

    *watched* is ``phanedge_watch_polls``.
    """
    if ticket.stage is Stage.FAILED and (ticket.error or {}).get("resumable"):
        return "reopened" if ticket.message else None
    overdue = results.is_overdue(ticket, now, watched=watched)
    return "sent_again" if overdue else None


def _resumed(how: str, ticket: Ticket | None) -> dict[str, Any]:
    return {"resumed": how if ticket else None, "canvas_told": ticket is not None}


def reopen(
    app: Celery, store: TicketStore, ticket: Ticket, **changes: Any
) -> Ticket | None:
    """Take a failed ticket up again; None when somebody else just has."""
    now = time.time()
    message = changes.get("message") or ticket.message
    if message is None:
        return None
    known = changes.get("job_id") or ticket.job_id
    wait = ticket.max_wait or settings_for(app).max_wait
    reopened = store.advance(
        ticket.id,
        ticket.version,
        **{
            "stage": STAGES[message["task"]],
            "error": None,
            "errors": {},
            "ended_at": None,
            "deadline": now + wait if known else None,
            "next_at": now,
            **changes,
        },
    )
    if reopened is not None:
        say("reopened", reopened)
        results.show(app, store, reopened)
        send_now(app, reopened)
    return reopened


def _adopt(
    app: Celery, store: TicketStore, ticket: Ticket, job_id: str
) -> dict[str, Any]:
    """Give the job found in the vendor's console to its order (design, section 5)."""
    if ticket.job_id == job_id:
        return resume_video(ticket.id, app=app)
    if not endings.awaits_a_job(ticket) or not ticket.message:
        raise RequestInvalid(f"{ticket.id} waits for no job", None, ticket.job_id)
    if ticket.stage is not Stage.FAILED and not results.is_overdue(ticket, time.time()):
        raise RequestInvalid(f"{ticket.id} is still being submitted; try again later")
    message = messages.handed_over(ticket.message, POLL, (job_id,), {})
    adopted = reopen(app, store, ticket, job_id=job_id, message=message)
    return _resumed("adopted", adopted)
