"""How a step runs: arrive, decide, write, send."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, NoReturn

from celery import Task
from celery.exceptions import Ignore, Reject, SoftTimeLimitExceeded

from .. import endings, messages
from ..answers import Trouble
from ..errors import (
    ConfigurationError,
    PhanEdgeError,
    ServiceUnavailable,
    SubmissionUnknown,
    UnexpectedAnswer,
    error_fields,
    error_from,
)
from ..events import say
from ..messages import MessageUnreadable, Stamp
from ..moves import Again, End, HandOver, Move
from ..tickets import Stage, TicketStoreUnavailable, TicketUnreadable
from .arrival import arrive
from .step import Step
from .submission import write_created

ENDING_LEASE = 60.0
"""How long Celery may take from a step's return to the stored result; seconds."""

_PASSING = (TicketStoreUnavailable, MessageUnreadable, SoftTimeLimitExceeded)

Act = Callable[[Step], Move]


def run(task: Task[Any, Any], act: Act, stage: Stage, **fresh: Any) -> Any:
    """Run one step of a job and return its result, if this step ends it.

    *act* looks at the step and decides on a move. *stage* and *fresh* describe the
    ticket of a job that has none: a canvas node, or a task sent by name.
    """
    step = Step(task)
    try:
        arrive(step, stage, fresh)
        move = decide(step, act)
        while step.eager and isinstance(move, Again):
            write(step, move)
            time.sleep(move.after)
            move = decide(step, act)
        return carry_out(step, move)
    except Ignore as leaving:
        # Celery formats the traceback of each, twice: a tenth of what a poll costs.
        raise leaving.with_traceback(None) from None
    except _PASSING as error:
        go_round(step, error)


def decide(step: Step, act: Act) -> Move:
    """Let *act* look and decide; whatever goes wrong in it becomes a move, too."""
    if step.ticket.stage is Stage.ENDING:
        return End(video=step.ticket.video, error=step.ticket.error)
    try:
        return act(step)
    except (Ignore, TicketStoreUnavailable):
        raise
    except PhanEdgeError as error:
        return _refused(step, error)
    except SoftTimeLimitExceeded:
        slow = ServiceUnavailable("the soft time limit was hit")
        return _broken_off(step, slow, limit=None)
    except Exception as bug:  # noqa: BLE001
        # A mistake of ours must not cost a paid job: it is told, and waited out.
        say("bug", step.ticket, type(bug).__name__)
        strange = UnexpectedAnswer(f"{type(bug).__name__} in a step")
        return _broken_off(step, strange, limit=5)


def _refused(step: Step, error: PhanEdgeError) -> Move:
    """End with *error*; settings are given time, since they may be being changed."""
    if isinstance(error, ConfigurationError) and not step.eager:
        trouble = Trouble(error=error, kind="configuration", limit=2, patient=True)
        return step.wait_out(trouble)
    return End(error=error_fields(error.about(step.ticket.job_id)))


def _broken_off(step: Step, error: PhanEdgeError, limit: int | None) -> Move:
    if step.ticket.stage is Stage.SUBMITTING:
        return End(error=error_fields(SubmissionUnknown(error.message)))
    return step.wait_out(Trouble(error=error, kind="broken_off", limit=limit))


def carry_out(step: Step, move: Move) -> Any:
    """Write the move into the ticket, then act on it."""
    if isinstance(move, End):
        return _end(step, move)
    due = time.time() + move.after
    write(step, move)
    if isinstance(move, HandOver) and step.eager:
        time.sleep(move.after)
        following = step.app.tasks[move.to].si(*move.args, **move.kwargs)
        headers: Any = {messages.HEADER: messages.stamp_for(step.ticket).header()}
        applied = following.apply(task_id=step.id, headers=headers)
        return applied.get(disable_sync_subtasks=False)
    return step.send(due)


def write(step: Step, move: Again | HandOver) -> None:
    """Advance the ticket by *move*, and tell what has changed."""
    before = step.ticket
    changes = {
        **move.changes,
        "stage": move.stage,
        "next_at": time.time() + move.after,
    }
    if isinstance(move, HandOver) and before.message:
        changes["message"] = messages.handed_over(
            messages.with_travelled(before.message, step.request),
            move.to,
            move.args,
            move.kwargs,
        )
    if before.stage is Stage.SUBMITTING and changes.get("job_id"):
        write_created(step, changes)
    else:
        step.advance(**changes)
    step.tell_change(before)


def go_round(step: Step, error: Exception) -> NoReturn:
    """Pass the message on with its old version, until somebody can take it."""
    if step.eager:
        raise ServiceUnavailable(str(error)) from error
    stamp = step.stamp or Stamp(version=None)
    rounds = (stamp.rounds or 0) + 1
    say(_event(error), step.id, error, round=rounds)
    message = messages.received(step.task, step.request)
    wait = step.settings.schedule.back_off(rounds, step.dice)
    stamp = replace(stamp, rounds=rounds)
    patience = {} if step.had_ticket else {"retry": True, "retry_policy": _PATIENTLY}
    try:
        messages.send(step.app, message, stamp, after=wait, **patience)
    except Exception as away:
        raise Reject(away, requeue=True) from away
    raise Ignore("another worker or time may help") from None


_PATIENTLY: Final = {
    "max_retries": 15,
    "interval_start": 0,
    "interval_step": 0.5,
    "interval_max": 5,
}
"""A minute, for a message that is all that there is of a job."""


def _event(error: Exception) -> str:
    if isinstance(error, SoftTimeLimitExceeded):
        return "soft_time_limit"
    newer = isinstance(error, (TicketUnreadable, MessageUnreadable))
    return "newer_format" if newer else "store_away"


def _end(step: Step, move: End) -> Any:
    """Write the outcome into the ticket, make sure it can be told, and tell it."""
    before = step.ticket
    outcome = {"error": move.error, "errors": {}}
    if move.error is None:
        outcome["video"] = move.video
    lease = time.time() + ENDING_LEASE
    step.advance(stage=Stage.ENDING, next_at=lease, **{**move.changes, **outcome})
    if step.eager:
        endings.close(step.task, step.store, step.ticket)
    else:
        _see_that_it_can_be_told(step, again=before.stage is Stage.ENDING)
    if move.error:
        raise error_from(move.error) from None
    return move.video


def _see_that_it_can_be_told(step: Step, *, again: bool) -> None:
    """Leave, if the outcome cannot be told now, or if another process has told it."""
    state = endings.look(step.app, step.id, step.request)
    if state is None:
        due = time.time() + 5
        step.advance(stage=Stage.ENDING, next_at=due)
        step.send(due)
    if again and endings.is_told(state, step.ticket, step.request):
        endings.close(step.task, step.store, step.ticket)
        raise Ignore("its outcome has been told")
    endings.remember(step.request, step.ticket)
