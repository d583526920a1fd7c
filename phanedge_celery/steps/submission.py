"""How a job that was just created gets into its ticket: it is paid for, and kept."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from celery.exceptions import Ignore

from .. import endings, messages, signals
from ..events import say
from ..tickets import Stage, Ticket, TicketStoreUnavailable
from .step import Step


def write_created(step: Step, changes: dict[str, Any]) -> None:
    """Write the job that was just created; it is paid for, and never put back."""
    try:
        ticket = step.try_advance(**changes) or _bring_late(step, changes)
    except TicketStoreUnavailable as error:
        say("store_away", step.ticket, error, job_id=changes["job_id"])
        step.ticket = replace(step.ticket, version=step.version + 1, **changes)
        step.send(changes["next_at"])
    if ticket is None:
        raise Ignore(f"{step.id} has stopped waiting for {changes['job_id']}")
    step.ticket, step.version = ticket, ticket.version
    say("submitted", ticket)
    signals.video_submitted.send(sender=step.task, id=ticket.id, ticket=ticket)


def _bring_late(step: Step, changes: dict[str, Any]) -> Ticket | None:
    """Give a job to a ticket that has moved on without it, if it still wants one."""
    now = step.store.read(step.id)
    if now is None or now.job_id:
        return None
    if now.stage is Stage.CANCELLED:
        return _note_on_cancelled(step, now, changes)
    if not endings.awaits_a_job(now):
        return None
    changes = {"error": None, "errors": {}, "ended_at": None, **changes}
    if now.stage is not Stage.SUBMITTING:
        changes["message"] = messages.without_canvas(changes["message"])
    say("adopted", now, job_id=changes["job_id"])
    return step.store.advance(now.id, now.version, **changes)


def _note_on_cancelled(
    step: Step, now: Ticket, changes: Mapping[str, Any]
) -> Ticket | None:
    """Keep the id of a job that was cancelled while it was being submitted."""
    ids = {name: changes.get(name) for name in ("job_id", "platform_id")}
    noted = step.store.advance(
        now.id, now.version, stage=now.stage, next_at=now.next_at, **ids
    )
    if noted is not None:
        step.ticket = noted
        step.send(time.time())
    return None
