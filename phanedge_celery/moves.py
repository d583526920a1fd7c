"""What a step decides to do next: pure data, with the rule for waiting trouble out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .answers import Trouble
from .errors import error_fields
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


def until_deadline(ticket: Ticket, wait: float, now: float) -> float:
    """Return *wait*, cut so that the last question comes at the deadline."""
    if ticket.deadline is None:
        return wait
    return min(wait, max(ticket.deadline - now, 0))


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
    return Again(
        after=_pause(ticket, trouble, schedule, streak.count, now, dice),
        stage=Stage.QUEUED if ticket.stage is Stage.SUBMITTING else ticket.stage,
        changes={
            **changes,
            "errors": {**ticket.errors, trouble.kind: counted},
            "error": error,
        },
    )


def _pause(
    ticket: Ticket,
    trouble: Trouble,
    schedule: PollSchedule,
    failures: int,
    now: float,
    dice: float,
) -> float:
    if trouble.slow:
        wait = max(MAX_COUNTDOWN, trouble.retry_after or 0)
    else:
        wait = schedule.back_off(
            failures,
            dice,
            limited=trouble.kind == "rate_limited",
            retry_after=trouble.retry_after,
        )
    return until_deadline(ticket, wait, now)
