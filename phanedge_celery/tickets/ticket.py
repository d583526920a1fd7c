"""One job's row: what it needs beyond its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

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
        return self in ENDED

    __str__ = str.__str__


ENDED = frozenset({Stage.DONE, Stage.FAILED, Stage.CANCELLED})

FOLLOWED_BY: Mapping[Stage, frozenset[Stage]] = {
    Stage.QUEUED: frozenset(
        {Stage.SUBMITTING, Stage.POLLING, Stage.RETRIEVING, Stage.ENDING}
        | {Stage.CANCELLED}
    ),
    Stage.SUBMITTING: frozenset(
        {Stage.QUEUED, Stage.POLLING, Stage.ENDING, Stage.CANCELLED}
    ),
    Stage.POLLING: frozenset(
        {Stage.RETRIEVING, Stage.SAVING, Stage.ENDING, Stage.CANCELLED}
    ),
    Stage.RETRIEVING: frozenset({Stage.SAVING, Stage.ENDING, Stage.CANCELLED}),
    Stage.SAVING: frozenset({Stage.ENDING, Stage.CANCELLED}),
    Stage.ENDING: frozenset({Stage.DONE, Stage.FAILED, Stage.POLLING}),
    Stage.DONE: frozenset(),
    Stage.FAILED: frozenset(
        {Stage.QUEUED, Stage.POLLING, Stage.RETRIEVING, Stage.SAVING}
    ),
    Stage.CANCELLED: frozenset(),
}
"""Which stage may come next; each but an ended one may also be written again, and a
cancelled one is, once its canvas has been told."""


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
    history: Mapping[str, float] = field(default_factory=dict)
    """When each of the vendor's words was first heard, in seconds after `since`."""
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
