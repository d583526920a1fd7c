"""What one answer means for a job that is followed: wait, retrieve, or end."""

from __future__ import annotations

from typing import Any, Final

from . import callback
from .answers import Trouble
from .errors import JobTimedOut, error_fields
from .models import JobReport, JobStatus
from .moves import (
    CLEARED,
    RETRIEVE,
    Again,
    End,
    HandOver,
    Move,
    followed_from,
    save_next,
    video_of,
    wait_out,
)
from .schedule import MAX_COUNTDOWN, PollSchedule
from .tickets import Stage, Ticket

SAFETY_NET: Final = float(MAX_COUNTDOWN)
"""Seconds between two polls of a job that the vendor calls about: it may stop to."""

MOST_WORDS: Final = 20
"""So many of the vendor's words a ticket remembers; the contract has seven."""


def decide(
    ticket: Ticket,
    answer: JobReport | Trouble,
    schedule: PollSchedule,
    *,
    max_wait: float,
    now: float,
    dice: float,
) -> Move:
    """Decide what follows from one answer to a query (contract, table 3.2)."""
    known: dict[str, Any] = {"polls": ticket.polls + 1}
    if ticket.deadline is None:
        known |= followed_from(ticket, now, max_wait)
    deadline: float = ticket.deadline or known["deadline"]
    if isinstance(answer, Trouble):
        return _wait_out(ticket, answer, schedule, known, now, dice, deadline, max_wait)
    known |= {**CLEARED, **_heard(ticket, answer, now), **_ids(ticket, answer)}
    if answer.status.terminal:
        return _succeeded(ticket, answer, known)
    if now >= deadline:
        error = JobTimedOut("the deadline is past; the job may still finish")
        return End(error=error_fields(error.about(ticket.job_id)), changes=known)
    wait = schedule.wait(now - (ticket.submitted_at or now), dice)
    if callback.calls_arrive(ticket.message):
        wait = max(wait, SAFETY_NET)
    return Again(after=min(wait, deadline - now), stage=Stage.POLLING, changes=known)


def _heard(ticket: Ticket, report: JobReport, now: float) -> dict[str, Any]:
    """Return the vendor's word, and when it was heard, if it is a new one."""
    word = str(report.status)
    if word in ticket.history or len(ticket.history) >= MOST_WORDS:
        return {"status": word}
    after = round(max(now - ticket.since, 0), 1)
    return {"status": word, "history": {**ticket.history, word: after}}


def _ids(ticket: Ticket, report: JobReport) -> dict[str, str]:
    """The file routes know a job by its ``task_id`` alone (contract, 2.3)."""
    if not ticket.job_id or report.job_id == ticket.job_id:
        return {"job_id": report.job_id}
    return {"job_id": report.job_id, "platform_id": ticket.job_id}


def _wait_out(
    ticket: Ticket,
    trouble: Trouble,
    schedule: PollSchedule,
    known: dict[str, Any],
    now: float,
    dice: float,
    deadline: float,
    max_wait: float,
) -> Move:
    """Wait trouble out; a success whose file id never comes may still have a URL."""
    report = trouble.report
    if report is not None:
        known |= _heard(ticket, report, now)
    move = wait_out(
        ticket,
        trouble,
        schedule,
        now=now,
        dice=dice,
        give_up_at=deadline,
        changes=known,
    )
    if not isinstance(move, End) or report is None or not _has_only_a_url(report):
        return move
    if ticket.save_to:
        return save_next(ticket, now, max_wait, **known, **_ids(ticket, report))
    return End(video=video_of(ticket, report), changes=known)


def _has_only_a_url(report: JobReport) -> bool:
    return report.status is JobStatus.SUCCESS and report.download_url is not None


def _succeeded(ticket: Ticket, report: JobReport, known: dict[str, Any]) -> Move:
    if not ticket.retrieve:
        return End(video=report.model_dump(mode="json"), changes=known)
    return HandOver(
        to=RETRIEVE,
        args=(report.file_id,),
        kwargs={"job_id": report.job_id},
        stage=Stage.RETRIEVING,
        changes={
            **known,
            "file_id": report.file_id,
            "video": video_of(ticket, report, **_ids(ticket, report)),
        },
    )
