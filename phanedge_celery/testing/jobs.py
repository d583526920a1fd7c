"""The jobs of the fake."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .timelines import DEFAULT, SUCCESSES, Step, Timeline

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
TOLD = ("job_id", "platform_id", "file_id", "request", "created_at", "polls", "status")


@dataclass
class Job:
    """One generation, with all that the fake knows of it."""

    job_id: str
    """15 to 18 digits, `task_id` on the wire."""
    platform_id: str
    file_id: str
    request: Mapping[str, Any]
    timeline: Timeline
    since: float
    created_at: int
    polls: int = 0
    """Queries answered from the timeline."""
    status: str = ""
    """The word last told."""
    called: str = ""
    """The word last told by a callback."""
    edition: int = 0
    """Counts the changes of the file's content."""
    signing: int = 0
    """URLs signed under another number have expired."""
    size: int | None = None
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def ids(self) -> tuple[str, ...]:
        """Every id by which a request may mean this job."""
        return (self.job_id, self.platform_id, self.file_id)

    @property
    def file_created_at(self) -> int:
        """When its last step began, where that is a matter of seconds."""
        return self.created_at + int((0.0, *self.timeline.ends)[-1])

    def ask(self, now: float) -> Step:
        """Count a poll; return the step that answers it."""
        with self.lock:
            step = self.timeline.step(self.polls, now - self.since)
            self.polls += 1
        return step

    def report(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Return the body of E2 with keys changed, those that are None left out."""
        status = changes.get("status") or self.status or "Processing"
        body: dict[str, Any] = {"task_id": self.job_id, "status": status}
        if str(status).strip().lower() in SUCCESSES:
            body |= {"file_id": self.file_id, "video_width": 1366, "video_height": 768}
        else:
            body["file_id"] = ""
        body["base_resp"] = {"status_code": 0, "status_msg": "success"}
        body |= changes
        return {key: value for key, value in body.items() if value is not None}

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in TOLD}


@dataclass
class Plan:
    """A timeline for the next jobs, or for those whose prompt has some words."""

    timeline: Timeline
    prompt: str | None
    left: int | None

    def fits(self, prompt: str) -> bool:
        return self.left != 0 and (self.prompt is None or self.prompt in prompt)


class JobBook:
    """Makes jobs, and finds them by any of their ids."""

    def __init__(self, seed: int | None, timeline: Timeline = DEFAULT) -> None:
        self._dice = random.Random(seed)
        self._lock = threading.Lock()
        self._found: dict[str, Job] = {}
        self._plans: list[Plan] = []
        self.jobs: list[Job] = []
        self.timeline = timeline

    def plan(self, timeline: Timeline, prompt: str | None, times: int | None) -> None:
        """Give *timeline* to the next *times* jobs (None: all) that fit *prompt*."""
        with self._lock:
            self._plans.append(Plan(timeline, prompt, times))

    def add(self, request: Mapping[str, Any], now: float, **given: Any) -> Job:
        """Make a job; *given* fields, `timeline` or ids, win."""
        with self._lock:
            fields: dict[str, Any] = {**self._ids(), "request": request, "since": now}
            fields |= given
            if "timeline" not in fields:
                fields["timeline"] = self._planned(str(request.get("prompt") or ""))
            job = Job(created_at=int(time.time()), **fields)
            self.jobs.append(job)
            self._found |= dict.fromkeys(job.ids, job)
        return job

    def find(self, any_id: str) -> Job | None:
        """Return the job with this id; old deployments say `task_` for `video_`."""
        if any_id.startswith("task_"):
            any_id = "video_" + any_id[5:]
        return self._found.get(any_id)

    def _planned(self, prompt: str) -> Timeline:
        # Plans for a prompt are meant for their jobs alone, so they are asked first.
        for plan in sorted(self._plans, key=lambda plan: plan.prompt is None):
            if plan.fits(prompt):
                plan.left = None if plan.left is None else plan.left - 1
                return plan.timeline
        return self.timeline

    def _ids(self) -> dict[str, str]:
        ulid = self._dice.choice("0123") + "".join(self._dice.choices(CROCKFORD, k=25))
        return {
            "job_id": self._digits(self._dice.randint(15, 18)),
            "file_id": self._digits(15),
            "platform_id": f"video_{ulid}",
        }

    def _digits(self, count: int) -> str:
        return str(self._dice.randrange(10 ** (count - 1), 10**count))
