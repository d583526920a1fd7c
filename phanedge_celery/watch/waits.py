"""No job waits for longer than a step of ours lets it, whatever the clock did."""

from __future__ import annotations

from typing import Final

from ..schedule import MAX_COUNTDOWN
from ..settings import Settings
from ..steps import submit_lease
from ..tickets import Stage, Ticket, TicketStore

WAITING: Final = tuple(
    stage for stage in Stage if stage not in (Stage.DONE, Stage.FAILED)
)
"""Where something may be due; a cancelled job has yet to tell its canvas."""


def shorten(store: TicketStore, settings: Settings, now: float) -> None:
    """Let what is due later than it can be be due as late as it can be.

    A job whose message comes meanwhile never notices; the watch sends the others.
    """
    for stage in WAITING:
        longest = longest_wait(stage, settings)
        for ticket in store.jobs(stage=stage):
            if (ticket.next_at or 0) > now + longest and not _is_set(ticket, longest):
                store.touch(ticket.id, ticket.version, now + longest)


def longest_wait(stage: Stage, settings: Settings) -> float:
    """Return how far ahead a step sets ``next_at``, in seconds.

    A Retry-After or the first wait of a kind may be longer, and is cut short: that
    costs one poll.
    """
    lease = submit_lease(settings) if stage is Stage.SUBMITTING else MAX_COUNTDOWN
    return max(lease, settings.schedule.longest)


def _is_set(ticket: Ticket, longest: float) -> bool:
    """Has the caller said, by eta or countdown, when the job is to begin?"""
    untouched = ticket.version == 1 and not ticket.resends
    return untouched and (ticket.next_at or 0) > ticket.since + longest
