"""How a message arrives: its ticket is read or made, and stale ones drop out."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, NoReturn

from celery.exceptions import Ignore

from .. import endings, messages, results, signals
from ..events import say
from ..messages import MessageUnreadable, Stamp
from ..settings import Settings
from ..tickets import Stage, Ticket, TicketStoreUnavailable
from .step import Step, submit_lease


def arrive(step: Step, stage: Stage, fresh: Mapping[str, Any]) -> None:
    """Read the ticket, and drop out unless this message speaks for its version."""
    if step.stamp and step.stamp.format > messages.FORMAT:
        raise MessageUnreadable(
            f"its message has format {step.stamp.format}, this version of"
            f" phanedge_celery reads formats up to {messages.FORMAT}; upgrade it"
        )
    ticket = step.store.read(step.id)
    step.ticket = ticket or _create(step, stage, fresh)
    if step.stamp is None:
        messages.name_callbacks(step.request)
    else:
        _adopt(step, step.stamp, stage)
    _drop_if_stale(step)
    if step.ticket.stage is Stage.CANCELLED:
        _settle(step)
    due = step.stamp and step.stamp.due
    if due and due - time.time() > 1:
        step.send(due)


def _drop_if_stale(step: Step) -> None:
    ticket = step.ticket
    told = ticket.stage.ended and ticket.next_at is None
    # A canvas node that was cancelled before it began has not been told yet.
    if ticket.version > step.version or (told and ticket.version > 1):
        raise Ignore(f"not for version {ticket.version} of {step.id}")


def _create(step: Step, stage: Stage, fresh: Mapping[str, Any]) -> Ticket:
    """Make the ticket of a canvas node, or make it again from a message's mirror."""
    now = time.time()
    ticket = Ticket(
        id=step.id,
        version=step.version,
        stage=stage,
        since=now,
        next_at=now,
        message=None if step.eager else messages.received(step.task, step.request),
        **fresh,
    )
    if step.stamp and step.had_ticket:
        say("ticket_lost", ticket)
        ticket = _mirrored(ticket, step.stamp, step.settings)
    created = step.store.create(ticket)
    if created and ticket.stage is Stage.SUBMITTING:
        raise Ignore(f"the ticket of {step.id} was lost; it may have been submitted")
    found = ticket if created else step.store.read(step.id)
    if found is None:
        raise TicketStoreUnavailable(f"the ticket {step.id} comes and goes")
    return found


def _mirrored(ticket: Ticket, stamp: Stamp, settings: Settings) -> Ticket:
    if ticket.stage is Stage.QUEUED and stamp.job_id is None:
        lease = submit_lease(settings)
        return replace(ticket, stage=Stage.SUBMITTING, next_at=ticket.since + lease)
    return replace(
        ticket,
        job_id=stamp.job_id or ticket.job_id,
        deadline=stamp.deadline,
        polls=stamp.polls or 0,
        save_to=stamp.save_to or ticket.save_to,
    )


def _adopt(step: Step, stamp: Stamp, stage: Stage) -> None:
    """Give the job in the message to a ticket that waits for one (section 5)."""
    before = step.ticket
    if not stamp.job_id or not endings.awaits_a_job(before):
        return
    message = messages.received(step.task, step.request)
    if before.stage is Stage.FAILED:
        message = messages.without_canvas(message)
    step.version = max(step.version, before.version)
    step.advance(
        stage=stage,
        job_id=stamp.job_id,
        deadline=stamp.deadline,
        error=None,
        errors={},
        ended_at=None,
        next_at=time.time(),
        message=message,
    )
    say("adopted", step.ticket)
    step.tell_change(before)
    step.send(time.time())


def _settle(step: Step) -> NoReturn:
    """Tell the canvas of a cancelled job, once: claimed like all that is told."""
    message = step.ticket.message or messages.received(step.task, step.request)
    step.claim(Stage.CANCELLED, _SETTLING_LEASE, message=message)
    claimed_until = step.ticket.next_at
    if not endings.revoke(step.app, step.id, step.request):
        due = time.time() + 5
        step.advance(stage=Stage.CANCELLED, next_at=due)
        step.send(due)
    _close_cancelled(step, claimed_until)
    say("cancelled", step.ticket)
    results.keep(step.app, step.store, step.ticket, step.request)
    endings.show_revoked(step.task)
    signals.video_cancelled.send(sender=step.task, id=step.id, ticket=step.ticket)
    raise Ignore("cancelled")


_SETTLING_LEASE: Final = 10.0
"""How long a canvas may take to be told; seconds."""


def _close_cancelled(step: Step, claimed_until: float | None) -> None:
    """Close the ticket under our claim, though a late answer may have written it."""
    ended = {"message": None, "next_at": None, "ended_at": time.time()}
    while (closed := step.try_advance(stage=Stage.CANCELLED, **ended)) is None:
        now = step.store.read(step.id)
        if now is None or now.next_at != claimed_until:
            raise Ignore(f"another has settled {step.id}")
        step.ticket, step.version = now, now.version
    step.ticket, step.version = closed, closed.version
