"""What a step decides to do next: pure data, with the rule for waiting trouble out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from .answers import Trouble
from .errors import error_fields
from .models import JobReport, Video
from .schedule import MAX_COUNTDOWN, PollSchedule, Streak
from .tickets import Stage, Ticket


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """Run this step once more, after so many seconds."""

    after: float
    stage: Stage
    changes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver:
    """Go on with another task under the same id, after so many seconds."""

    to: str
    args: Sequence[Any]
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    after: float = 0
    stage: Stage
    changes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """The job is over: with a result, or with the error that these fields describe."""

    video: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)


Move = Again | HandOver | End


SUBMIT: Final = "phanedge.submit_video"
POLL: Final = "phanedge.poll_video"
RETRIEVE: Final = "phanedge.retrieve_file"
SAVE: Final = "phanedge.save_file"

CLEARED: Final[Mapping[str, Any]] = {"errors": {}, "error": None}
"""What becomes of the troubles in a ticket when all is well again."""


def followed_from(ticket: Ticket, now: float, max_wait: float) -> dict[str, float]:
    """Return what follows from the job id being known: the time to wait begins."""
    wait = ticket.max_wait or max_wait
    return {"submitted_at": now, "deadline": now + wait}


def video_of(ticket: Ticket, report: JobReport | None, **known: Any) -> dict[str, Any]:
    """Return the result as far as it is known, as JSON."""
    seen = report.model_dump(mode="json") if report else {}
    video = {**(ticket.video or {}), **seen, "platform_id": ticket.platform_id, **known}
    return Video.model_validate(video).model_dump(mode="json")


def save_next(ticket: Ticket, now: float, max_wait: float, **changes: Any) -> HandOver:
    """Go on with keeping the file, which may take as long as following the job.

    A download URL is a secret that lives for an hour: neither the message nor the
    ticket takes it along, the step asks for its own.
    """
    known = {name: changes.get(name) for name in ("job_id", "file_id")}
    ids = {name: id or getattr(ticket, name) for name, id in known.items()}
    if changes.get("video"):
        changes["video"] = {**changes["video"], "download_url": None}
    return HandOver(
        to=SAVE,
        args=(ids,),
        kwargs={"save_to": ticket.save_to},
        stage=Stage.SAVING,
        changes={**changes, "deadline": now + (ticket.max_wait or max_wait)},
    )


def wait_out(
    ticket: Ticket,
    trouble: Trouble,
    schedule: PollSchedule,
    *,
    now: float,
    dice: float,
    give_up_at: float | None,
    changes: Mapping[str, Any],
) -> Again | End:
    """Decide on *trouble*: ask again later, or end with its error.

    It ends when there were too many in a row, for long enough (contract, table
    3.2), or once *give_up_at* is past. A submission that created nothing goes back
    to ``queued``.
    """
    error = error_fields(trouble.error.about(ticket.job_id))
    streak = Streak.after(ticket.errors.get(trouble.kind), now)
    patience = schedule.patience if trouble.patient else None
    late = give_up_at is not None and now >= give_up_at and trouble.limit != 0
    if late or streak.outlasts(trouble.limit, now, patience):
        return End(error=error, changes=changes)
    counted = {"count": streak.count, "since": streak.since}
    pause = _pause(trouble, schedule, streak.count, dice)
    return Again(
        after=pause if give_up_at is None else min(pause, give_up_at - now),
        stage=Stage.QUEUED if ticket.stage is Stage.SUBMITTING else ticket.stage,
        changes={
            **changes,
            "errors": {**ticket.errors, trouble.kind: counted},
            "error": error,
        },
    )


def _pause(
    trouble: Trouble, schedule: PollSchedule, failures: int, dice: float
) -> float:
    if trouble.slow:
        return max(MAX_COUNTDOWN, trouble.retry_after or 0)
    return schedule.back_off(
        failures,
        dice,
        limited=trouble.kind == "rate_limited",
        retry_after=trouble.retry_after,
    )
