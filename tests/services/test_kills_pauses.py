"""A process that stands still in the middle of a step, or is stopped at a limit.

All jobs are sent together, so that their waits overlap.
"""

from __future__ import annotations

import os
import re
import signal
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

import pytest
from celery import states

from phanedge_celery import JobFailed, SubmissionUnknown, cancel_video
from phanedge_celery.testing import FakePhanEdge, Fault
from tests.faulty import Site
from tests.servers import RedisServer
from tests.workers import WorkerProcess, wait_for

pytestmark = pytest.mark.timeout(300)


@dataclass(frozen=True, kw_only=True)
class Pause:
    """Where a process stands still, and what happens to its job meanwhile."""

    task: str = "poll_video"
    point: str = "advance"
    """After `advance` the ticket is written, but not the result backend."""
    end: str = "Success"
    cancel: bool = False
    lease_over: bool = False
    """Does another process do what the first one has claimed?"""
    ends_before: bool = True
    """Does the job end before the process goes on?"""
    state: str = states.SUCCESS
    most: int = 1
    """How often link, or link_error, may be called."""


PAUSES: Final = {
    "a_cancel": Pause(end="Processing", cancel=True, state=states.REVOKED),
    "a_failure": Pause(end="Fail", state=states.FAILURE),
    "a_success": Pause(),
    "a_cancel_too_late": Pause(
        task="retrieve_file", point="ending", cancel=True, ends_before=False
    ),
    "a_success_told_by_another": Pause(
        task="retrieve_file", point="ending", lease_over=True, most=2
    ),
    "a_failure_told_by_another": Pause(
        end="Fail", point="ending", lease_over=True, state=states.FAILURE, most=2
    ),
    "a_failure_stored": Pause(
        end="Fail",
        point="stored",
        cancel=True,
        lease_over=True,
        state=states.FAILURE,
        most=2,
    ),
}
LIMITS: Final[Mapping[str, tuple[str, Mapping[str, float]]]] = {
    "soft": ("query", {"soft_time_limit": 1}),
    "hard": ("query", {"time_limit": 1}),
    "soft_submit": ("create", {"soft_time_limit": 1}),
}


@dataclass(kw_only=True)
class Seen:
    """The jobs of this file, each under the name of what happens to it."""

    site: Site
    worker: WorkerProcess
    ids: dict[str, str] = field(default_factory=dict)
    requests: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    told: dict[str, str] = field(default_factory=dict)
    """What `cancel_video` has said."""

    def send(self, name: str, task: str, *args: Any, **options: Any) -> None:
        id = self.ids[name]
        link, error = self.site.note(f"{id}-link"), self.site.note(f"{id}-error")
        heard: Any = {"link": [link], "link_error": [error]}
        self.site.s(f"phanedge.{task}", *args).apply_async(
            task_id=id, **heard, **options
        )

    def pause(self, name: str, pause: Pause) -> None:
        self.ids[name] = id = str(uuid4())
        self.site.charges.lay(id, pause.task, pause.point, signal.SIGSTOP)
        job_id = self.site.fake.add_job("Processing", pause.end)
        self.send(name, "poll_video", job_id)

    def limit(self, name: str, endpoint: str, limits: Mapping[str, float]) -> None:
        self.ids[name] = str(uuid4())
        slow = Fault(delay=3)
        if endpoint == "create":
            self.requests[name] = request = self.site.request()
            self.site.fake.fault(slow, on="create", prompt=request["prompt"])
            self.send(name, "submit_video", request, **limits)
        else:
            job_id = self.site.fake.add_job("Processing", "Success")
            self.site.fake.fault(slow, on="query", job=job_id)
            self.send(name, "poll_video", job_id, **limits)

    def meanwhile(self, name: str, pause: Pause) -> None:
        if pause.cancel:
            told = cancel_video(self.ids[name], app=self.site.app)
            self.told[name] = told["stopped"]
        if pause.lease_over:
            self.site.let_lease_end(self.ids[name])

    def go_on(self) -> None:
        """Let all go on that stand still, and wait until nothing is left to do."""
        for pid in self.worker.paused():
            os.kill(pid, signal.SIGCONT)
        self.site.await_end(*self.ids.values())
        wait_for(lambda: not +self._unfinished(), 30, what=lambda: f"{self.ids}")

    def _unfinished(self) -> Counter[str]:
        """Return how many deliveries of each job's messages are still at work."""
        lines = re.findall(r"Task phanedge\.\w+\[(\S+)\] (\w+)", self.worker.log())
        kinds = Counter((id, word == "received") for id, word in lines)
        many = {id: kinds[id, True] - kinds[id, False] for id in self.ids.values()}
        # The parent tells of a delivery that has hit the hard limit in other words.
        many[self.ids["hard"]] = 0
        return Counter(many)

    def calls(self, name: str) -> tuple[int, int]:
        """Return how often link and link_error were called."""
        labels = (f"{self.ids[name]}-link", f"{self.ids[name]}-error")
        wait_for(lambda: any(map(self.site.noted, labels)), 20)
        good, bad = map(self.site.noted, labels)
        return good, bad

    def result(self, name: str) -> Any:
        return self.site.result(self.ids[name])


@pytest.fixture(scope="module")
def seen(
    redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Seen]:
    databases = redis_server.fresh()
    with FakePhanEdge() as fake, ExitStack() as stack:
        site = Site(
            fake=fake,
            folder=tmp_path_factory.mktemp("pauses"),
            broker=databases.broker,
            backend=databases.backend,
        )
        worker = stack.enter_context(site.worker(concurrency=len(PAUSES) + 3))
        stack.callback(worker.kill)
        seen = Seen(site=site, worker=worker)
        for name, pause in PAUSES.items():
            seen.pause(name, pause)
        wait_for(lambda: len(worker.paused()) == len(PAUSES), 60, every=0.3)
        for name, limit in LIMITS.items():
            seen.limit(name, *limit)
        for name, pause in PAUSES.items():
            seen.meanwhile(name, pause)
        ending = [name for name, pause in PAUSES.items() if pause.ends_before]
        site.await_end(*(seen.ids[name] for name in ending))
        seen.go_on()
        yield seen


@pytest.mark.parametrize("name", PAUSES)
def test_a_process_that_stood_still_does_not_overwrite_the_end(
    seen: Seen, name: str
) -> None:
    pause = PAUSES[name]
    good, bad = seen.calls(name)

    assert seen.site.state(seen.ids[name]) == pause.state
    assert (good, bad).count(0) == 1
    assert 1 <= (good or bad) <= pause.most
    assert bool(good) == (pause.state == states.SUCCESS)


def test_a_cancel_says_whether_it_came_too_late(seen: Seen) -> None:
    assert seen.told == {
        "a_cancel": "following",
        "a_cancel_too_late": "too_late",
        "a_failure_stored": "too_late",
    }


def test_a_failure_keeps_its_cause(seen: Seen) -> None:
    for name in ("a_failure", "a_failure_told_by_another", "a_failure_stored"):
        assert type(seen.result(name)) is JobFailed


def test_a_poll_that_hits_the_soft_limit_is_made_again(seen: Seen) -> None:
    assert seen.site.state(seen.ids["soft"]) == states.SUCCESS
    assert seen.calls("soft") == (1, 0)


def test_a_poll_that_hits_the_hard_limit_loses_no_job(seen: Seen) -> None:
    good, _ = seen.calls("hard")

    assert seen.site.state(seen.ids["hard"]) == states.SUCCESS
    assert good == 1


def test_a_submission_that_hits_the_soft_limit_is_unknown(seen: Seen) -> None:
    assert isinstance(seen.result("soft_submit"), SubmissionUnknown)
    assert seen.site.posts_of(seen.requests["soft_submit"]) == 1
