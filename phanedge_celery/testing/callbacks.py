"""The callbacks about a job's changes, sent when they are due."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from .calls import Called, call, challenge, met
from .jobs import Job
from .timelines import SUCCESSES, Step

FAILURES = {"fail", "failed", "error", "cancelled", "canceled", "expired"}


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How callbacks are sent."""

    copies: int = 1
    late: bool = False
    """Tell of `processing` after the end has been told."""
    capital: bool = False
    """Say `Success` for `success`."""


def word_of(step: Step) -> str | None:
    """Return the callback's word for a step, None when it is not told."""
    status = step.get("status") if isinstance(step, Mapping) else step
    word = str(status).strip().lower()
    if word in SUCCESSES:
        return "success"
    return "failed" if word in FAILURES else {"processing": word}.get(word)


def body_of(job: Job, step: Step, word: str, manner: Manner) -> Mapping[str, Any]:
    """Return what is POSTed about *job*."""
    resp = step.get("base_resp") if isinstance(step, Mapping) else None
    body = {"task_id": job.job_id, "status": word.title() if manner.capital else word}
    if word != "processing":
        body["file_id"] = job.file_id if word == "success" else ""
    return body | {"base_resp": resp or {"status_code": 0, "status_msg": "success"}}


class Callbacks:
    """Sends callbacks from a thread of its own, started when first needed."""

    def __init__(self, now: Callable[[], float], manner: Callable[[], Manner]) -> None:
        self._now, self._manner = now, manner
        self._order = count()
        self._due: list[tuple[float, int, Job, Step, str]] = []
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._stopping = False
        self._held: dict[str, list[Mapping[str, Any]]] = {}
        self.sent: list[Called] = []

    def accepted(self, url: str) -> bool:
        """Send the challenge; has the receiver answered it?"""
        self.sent.append(called := call(url, challenge()))
        return met(called)

    def follow(self, job: Job) -> None:
        """Send what a timeline by seconds will tell, each when it is due."""
        starts = (0.0, *job.timeline.ends) if job.timeline.ends else ()
        for start, step in zip(starts, job.timeline.steps, strict=False):
            self.tell(job, step, job.since + start)

    def tell(self, job: Job, step: Step, due: float) -> None:
        """Send what *step* means, unless that was the last thing told."""
        word = word_of(step)
        if word is None or word == job.called:
            return
        job.called = word
        with self._changed:
            heapq.heappush(self._due, (due, next(self._order), job, step, word))
            if self._thread is None:
                self._stopping = False
                self._thread = threading.Thread(
                    target=self._run, name="fake-phanedge-callbacks", daemon=True
                )
                self._thread.start()
            self._changed.notify()

    def wake(self) -> None:
        """Look again at what is due: the clock has been put forward."""
        with self._changed:
            self._changed.notify()

    def clear(self) -> None:
        """Forget what is to come and what was sent."""
        with self._changed:
            self._due, self._held, self.sent = [], {}, []

    def stop(self) -> None:
        """End the thread; what is still due is sent after the next start."""
        with self._changed:
            self._stopping, thread = True, self._thread
            self._thread = None
            self._changed.notify()
        if thread is not None:
            thread.join(10)

    def _run(self) -> None:
        for job, step, word in self._next():
            for body in self._bodies(job, step, word):
                for _ in range(self._manner().copies):
                    self.sent.append(call(str(job.request["callback_url"]), body))

    def _next(self) -> Iterator[tuple[Job, Step, str]]:
        while True:
            with self._changed:
                while not self._stopping and self._pause() != 0:
                    self._changed.wait(self._pause())
                if self._stopping:
                    return
                _, _, job, step, word = heapq.heappop(self._due)
            yield job, step, word

    def _pause(self) -> float | None:
        return max(self._due[0][0] - self._now(), 0) if self._due else None

    def _bodies(self, job: Job, step: Step, word: str) -> list[Mapping[str, Any]]:
        """Return what is sent now: some is held back to come too late."""
        manner = self._manner()
        body = body_of(job, step, word, manner)
        if not manner.late:
            return [body]
        if word == "processing":
            self._held.setdefault(job.job_id, []).append(body)
            return []
        return [body, *self._held.pop(job.job_id, [])]
