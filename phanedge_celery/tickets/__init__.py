"""The job's row: one small ticket per Celery id, which is the truth about the job."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

FORMAT = 1
"""The version of this row's shape; a higher one is left alone and named."""


class Stage(str, Enum):
    """Where a job is on its way here."""

    QUEUED = "queued"
    SUBMITTING = "submitting"
    POLLING = "polling"
    RETRIEVING = "retrieving"
    SAVING = "saving"
    ENDING = "ending"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Is the outcome known and told, so that no step has anything to do?"""
        return self in (Stage.DONE, Stage.FAILED, Stage.CANCELLED)

    __str__ = str.__str__


class TicketStoreUnavailable(Exception):
    """The store could not be asked; whether it carried the change out is unknown."""


class TicketMissing(Exception):
    """No ticket has that id: it was never there, has expired, or was flushed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """One job. Times are Unix seconds, ids are text, `None` is unknown."""

    id: str
    """The Celery id."""
    version: int = 1
    """Counts the advances; a message speaks for one version."""
    stage: Stage = Stage.QUEUED
    key: str | None = None
    """The caller's key, from which the id was derived."""
    request_sha256: str | None = None
    """Of the request as canonical JSON: the same key must mean the same request."""
    model: str | None = None
    resolution: str | None = None
    job_id: str | None = None
    platform_id: str | None = None
    file_id: str | None = None
    save_to: str | None = None
    max_wait: float | None = None
    retrieve: bool = True
    status: str | None = None
    """The vendor's word for the job."""
    polls: int = 0
    errors: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Troubles in a row by kind: `{"auth": {"count": 2, "since": 1764000000.0}}`."""
    error: Mapping[str, Any] | None = None
    """`errors.error_fields` of the trouble being waited out, or of the failure."""
    video: Mapping[str, Any] | None = None
    """The result, from the moment that it is known."""
    since: float
    """When this id began."""
    submitted_at: float | None = None
    """When the job id became known."""
    ended_at: float | None = None
    deadline: float | None = None
    next_at: float | None = None
    """When the next message is due; `None` when there is none to wait for."""
    resends: int = 0
    """Re-sends of this version by the watch."""
    message: Mapping[str, Any] | None = None
    """The next message, as `messages` builds it, without a version."""
    format: int = FORMAT


class TicketStore(Protocol):
    """Where tickets live. Every method may raise `TicketStoreUnavailable`."""

    def create(self, ticket: Ticket) -> bool:
        """Write *ticket* if no ticket has its id; say whether it was written."""

    def read(self, id: str) -> Ticket | None:
        """Return the ticket, from the primary."""

    def advance(
        self, id: str, version: int, *, stage: Stage, **changes: Any
    ) -> Ticket | None:
        """Change the ticket if its version is not above *version*.

        The new version is ``version + 1`` and ``resends`` is 0. Returns the ticket
        as it is now, or None when another has advanced it first. Raises
        `TicketMissing`.
        """

    def touch(self, id: str, version: int, next_at: float) -> bool:
        """Set ``next_at`` and count one re-send, if the version is exactly *version*."""

    def overdue(self, before: float, limit: int) -> Sequence[Ticket]:
        """Return at most *limit* tickets with ``next_at <= before``, oldest first."""

    def jobs(
        self,
        *,
        stage: Stage | None = None,
        error: str | None = None,
        since: float | None = None,
    ) -> Iterator[Ticket]:
        """Yield tickets, newest first, by stage, type of error, and ``since`` at least."""

    def lease(self, name: str, owner: str, seconds: float) -> bool:
        """Take or renew the lease *name* for *owner*; say whether it is theirs now."""

    def purge(self, before: float) -> int:
        """Forget tickets that ended before then; return how many."""
