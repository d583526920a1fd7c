"""All that one fake knows: its jobs, faults, log and clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .callbacks import Callbacks, Manner
from .faults import FaultQueue
from .files import FileTraits, clip_of, signed_path
from .jobs import Job, JobBook
from .journal import Journal, Recorded
from .rates import Buckets
from .timelines import Timeline

KEY = "fake-key"
"""The API key that a fake accepts unless told otherwise."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """How the gateway behaves."""

    keys: tuple[str, ...] = (KEY,)
    """The accepted API keys."""
    per_minute: int | None = None
    """Requests a minute for each key, over E1 to E4 together; then 429."""
    checks: bool = True
    """Refuse what the gateway refuses: no prompt, unknown resolution, a bad frame."""
    needs_task_id: bool = False
    """Files are not found without `task_id`."""
    callbacks: bool = False
    """Challenge the `callback_url` of a create, then tell it of each change."""
    callback_copies: int = 1
    callback_late: bool = False
    """Tell of `processing` after the end has been told."""
    callback_capital: bool = False
    """Say `Success` for `success`."""


class Desk:
    """The state behind a fake."""

    def __init__(
        self,
        seed: int | None,
        timeline: Timeline,
        options: Options,
        traits: FileTraits,
        watch: Callable[[Recorded], None],
    ) -> None:
        self._watch = watch
        self._fresh = (seed, timeline, options, traits)
        self._skipped = 0.0
        self.address = ""
        self.callbacks = Callbacks(self.now, self._manner)
        self.reset()

    def reset(self) -> None:
        """Forget everything but the address."""
        seed, timeline, self.options, self.traits = self._fresh
        self.book = JobBook(seed, timeline)
        self.faults = FaultQueue()
        self.journal = Journal(self._watch)
        self.buckets = Buckets()
        self.callbacks.clear()

    def now(self) -> float:
        """Seconds on the fake's own clock."""
        return time.monotonic() + self._skipped

    def wall(self) -> float:
        """Unix seconds on the fake's own clock."""
        return time.time() + self._skipped

    def elapse(self, seconds: float) -> None:
        """Put the fake's clock forward."""
        self._skipped += seconds
        self.callbacks.wake()

    def _manner(self) -> Manner:
        options = self.options
        return Manner(
            copies=options.callback_copies,
            late=options.callback_late,
            capital=options.callback_capital,
        )

    def download_url(self, job: Job, host: str = "") -> str:
        """Return a newly signed URL of the job's file."""
        path = signed_path(job, self.wall() + self.traits.lifetime)
        if self.traits.host:
            host = f"{self.traits.host}:{self.address.rpartition(':')[2]}"
        return f"http://{host or self.address}{path}"

    def facts(self, job: Job | None, host: str = "") -> dict[str, Any]:
        """Return what a sample body may be filled with, by its keys on the wire."""
        if job is None:
            return {}
        url = self.download_url(job, host)
        return {
            "task_id": job.job_id,
            "job_id": job.job_id,
            "platform_id": job.platform_id,
            "file_id": job.file_id,
            "bytes": clip_of(job, self.traits).size,
            "created_at": job.file_created_at,
            "download_url": url,
            "backup_download_url": url,
            "video_url": url,
        }

    def last(self) -> Job:
        """Return the last job; makes one, as if submitted elsewhere, if need be."""
        return self.book.jobs[-1] if self.book.jobs else self.book.add({}, self.now())

    def job(self, any_id: str | None) -> Job:
        """Return the job with this id, the last one for None."""
        if any_id is None:
            return self.last()
        job = self.book.find(any_id)
        if job is None:
            raise LookupError(f"the fake has no job {any_id}")
        return job
