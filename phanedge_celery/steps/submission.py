"""How a job that was just created gets into its ticket: it is paid for, and kept."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from typing import Any

from celery.exceptions import Ignore, SoftTimeLimitExceeded

from .. import endings, messages, signals
from ..events import say
from ..tickets import Stage, Ticket, TicketStoreUnavailable
from .step import Step


def write_created(step: Step, changes: dict[str, Any]) -> None:
    """Write the job that was just created; it is paid for, and never put back."""
    ticket = _written(step, changes)
    if ticket is None:
        say("unwanted", step.ticket, job_id=changes["job_id"])
        raise Ignore(f"{step.id} has stopped waiting for {changes['job_id']}")
    step.ticket, step.version = ticket, ticket.version
    say("submitted", ticket)
    signals.video_submitted.send(sender=step.task, id=ticket.id, ticket=ticket)


def _written(step: Step, changes: dict[str, Any]) -> Ticket | None:
    """Return the ticket that has the job; leave, if a message takes it there."""
    for failures in count(1):
        try:
            return step.try_advance(**changes) or _bring_late(step, changes)
        except (TicketStoreUnavailable, SoftTimeLimitExceeded) as error:
            say("store_away", step.ticket, error, job_id=changes["job_id"])
        ahead = replace(step.ticket, version=step.version + 1, **changes)
        if messages.send_next(step.app, ahead, due=changes["next_at"]):
            raise Ignore(f"a message takes {changes['job_id']} to its ticket")
        # Broker and store are often one Redis, and nobody but us knows of this job.
        time.sleep(step.settings.schedule.back_off(failures, step.dice))
    return None


def _bring_late(step: Step, changes: dict[str, Any]) -> Ticket | None:
    """Give a job to a ticket that has moved on without it, if it still wants one."""
    ticket: Ticket | None = None
    while ticket is None:
        now = step.store.read(step.id)
        if now is None:
            ticket = step.try_advance(**changes)
        elif now.job_id == changes["job_id"]:
            ticket = now
        elif now.stage is Stage.CANCELLED and now.job_id is None:
            _note_on_cancelled(step, now, changes)
        elif endings.awaits_a_job(now):
            ticket = _adopt(step, now, changes)
        else:
            return None
    return ticket


def _adopt(step: Step, now: Ticket, changes: dict[str, Any]) -> Ticket | None:
    changes = {"error": None, "errors": {}, "ended_at": None, **changes}
    # While it is ending, nobody may have told the canvas yet: better twice than never.
    if now.stage is Stage.FAILED:
        changes["message"] = messages.without_canvas(changes["message"])
    say("adopted", now, job_id=changes["job_id"])
    return endings.advance(step.store, now, **changes)


def _note_on_cancelled(step: Step, now: Ticket, changes: Mapping[str, Any]) -> None:
    """Keep the id of a job that was cancelled while it was being submitted."""
    ids = {name: changes.get(name) for name in ("job_id", "platform_id")}
    kept = {"stage": now.stage, "next_at": now.next_at}
    noted = endings.advance(step.store, now, **kept, **ids)
    if noted is None:
        return
    if noted.next_at is None or noted.next_at > time.time():
        raise Ignore(f"another step settles {step.id}")
    step.ticket = noted
    step.send(time.time())
