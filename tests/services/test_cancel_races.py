"""Cancelling while a step is at work: one defined outcome, on every broker.

A step stands still at one point, the job is cancelled, and the step goes on with what
it had in hand. All sites do so side by side, since most of it is waiting.
"""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Final
from uuid import uuid4

import pytest
from celery import states
from celery.exceptions import TaskRevokedError

from phanedge_celery import JobFailed, cancel_video, enqueue_video, follow_video
from phanedge_celery.testing import FakePhanEdge
from phanedge_celery.tickets import Stage
from tests.faulty import Site
from tests.ordeals import KINDS, at_once
from tests.servers import RabbitServer, RedisServer
from tests.workers import WorkerProcess, wait_for

pytestmark = pytest.mark.timeout(300)

LONG: Final = 60
"""Seconds within which a busy machine does what is waited for."""


@dataclass(frozen=True, kw_only=True)
class Moment:
    """Where a job's step stands still while the job is cancelled."""

    task: str = "poll_video"
    point: str = "http"
    """See `tests.charges`: after `http` it has the answer, and has written nothing."""
    end: str = "Success"
    saved: bool = False
    stopped: str = "following"
    state: str = states.REVOKED
    posts: int = 0


MOMENTS: Final = {
    "before_the_post": Moment(
        task="submit_video", point="read", stopped="before_submit"
    ),
    "claimed": Moment(task="submit_video", point="claim", posts=1),
    "posted": Moment(task="submit_video", point="http", posts=1),
    "submitted": Moment(task="submit_video", point="advance", posts=1),
    "poll_that_goes_on": Moment(end="Processing"),
    "poll_that_succeeds": Moment(),
    "poll_that_fails": Moment(end="Fail"),
    "poll_that_hands_over": Moment(point="advance"),
    "retrieve": Moment(task="retrieve_file"),
    "retrieve_before_a_save": Moment(task="retrieve_file", saved=True),
    "save": Moment(task="save_file", saved=True),
    "save_that_keeps": Moment(task="save_file", point="advance", saved=True),
    "success": Moment(
        task="retrieve_file", point="ending", stopped="too_late", state=states.SUCCESS
    ),
    "success_that_is_stored": Moment(
        task="retrieve_file", point="stored", stopped="too_late", state=states.SUCCESS
    ),
    "save_that_succeeds": Moment(
        task="save_file",
        point="ending",
        saved=True,
        stopped="too_late",
        state=states.SUCCESS,
    ),
    "failure": Moment(
        point="ending", end="Fail", stopped="too_late", state=states.FAILURE
    ),
}

RACERS: Final = range(8)
"""The first of them is sure to be in time, the last one is sure to be too late."""
STEP: Final = 0.02
"""By so many seconds each racer is cancelled later than the one before."""


@dataclass(frozen=True, kw_only=True)
class Cancelled:
    """One job, and what was said when it was cancelled."""

    id: str
    job_id: str
    """Of the vendor; empty, where we have to buy it first."""
    request: Mapping[str, Any]
    told: Mapping[str, Any] = field(default_factory=dict)


@dataclass(kw_only=True)
class Trial:
    """One site, its worker, and the jobs that were cancelled there."""

    site: Site
    worker: WorkerProcess
    at: dict[str, Cancelled] = field(default_factory=dict)
    """By moment, where a step stood still."""
    raced: dict[tuple[str, int], Cancelled] = field(default_factory=dict)
    """By end and number, where nothing stood still."""

    @property
    def jobs(self) -> list[Cancelled]:
        return [*self.at.values(), *self.raced.values()]

    def begin(self, moment: Moment) -> Cancelled:
        id, site = str(uuid4()), self.site
        site.charges.lay(id, moment.task, moment.point, signal.SIGSTOP)
        options: dict[str, Any] = self.callbacks(id)
        options |= {"save_to": f"{id}.mp4"} if moment.saved else {}
        if moment.task == "submit_video":
            request = site.request("Processing")
            enqueue_video(request, app=site.app, task_id=id, **options)
            return Cancelled(id=id, job_id="", request=request)
        job_id = site.fake.add_job(moment.end)
        follow_video(job_id, app=site.app, task_id=id, **options)
        return Cancelled(id=id, job_id=job_id, request={})

    def callbacks(self, id: str) -> dict[str, Any]:
        note = self.site.note
        return {"link": note(f"{id}-link"), "link_error": note(f"{id}-error")}

    def cancel(self, job: Cancelled) -> Cancelled:
        told = cancel_video(job.id, app=self.site.app)
        return Cancelled(id=job.id, job_id=job.job_id, request=job.request, told=told)

    def cancel_at(self, name: str) -> None:
        moment = MOMENTS[name]
        job = self.begin(moment)
        paused = self.stands_still(job, moment.task, moment.point)
        self.at[name] = self.cancel(job)
        # Threads stand still together: there nobody could settle it meanwhile.
        if moment.state == states.REVOKED and self.worker.pid not in paused:
            self.site.await_end(job.id, timeout=LONG)
        for pid in paused:
            os.kill(pid, signal.SIGCONT)

    def stands_still(self, job: Cancelled, task: str, point: str) -> list[int]:
        """Wait until a step of the job does; return all processes that do."""
        wait_for(
            lambda: not self.site.charges.is_laid(job.id, task, point),
            LONG,
            what=lambda: f"{task} at {point}: {self.site.tell(job.id)}",
        )
        return wait_for(self.worker.paused, LONG)

    def race(self, end: str, number: int) -> None:
        job_id, id = self.site.fake.add_job(end), str(uuid4())
        options = self.callbacks(id) | ({"countdown": 3} if number == 0 else {})
        follow_video(job_id, app=self.site.app, task_id=id, **options)
        if number == RACERS[-1]:
            self.site.await_end(id, timeout=LONG)
        time.sleep(STEP * number)
        job = Cancelled(id=id, job_id=job_id, request={})
        self.raced[end, number] = self.cancel(job)

    def cancel_all(self) -> None:
        for name in MOMENTS:
            self.cancel_at(name)
        for end, number in product(ENDS, RACERS):
            self.race(end, number)

    def settle(self) -> None:
        """Wait until every job has ended, and no step of any is at work any more."""
        self.await_end(*(job.id for job in self.jobs))

    def await_end(self, *ids: str) -> None:
        self.site.await_end(*ids, timeout=LONG)
        wait_for(lambda: not self.at_work(ids), LONG, what=self.log)
        wait_for(lambda: all(sum(self.calls(id)) for id in ids), LONG)

    def at_work(self, ids: Sequence[str]) -> list[str]:
        log = self.log()
        return [id for id in ids if _count(log, id, BEGUN) > _count(log, id, OVER)]

    def log(self) -> str:
        return self.worker.log()

    def calls(self, id: str) -> tuple[int, int]:
        """Return how often link and link_error were called."""
        return self.site.noted(f"{id}-link"), self.site.noted(f"{id}-error")

    def kept(self) -> list[str]:
        root = self.site.folder / "kept"
        return [path.name for path in root.rglob("*") if path.is_file()]


ENDS: Final = ("Success", "Fail")
BEGUN: Final = r"\[{id}\] received"
OVER: Final = r"\[{id}\] (ignored|succeeded|raised)"


def _count(log: str, id: str, pattern: str) -> int:
    return len(re.findall(pattern.format(id=id), log))


Trials = Mapping[str, Trial]


@pytest.fixture(scope="module")
def trials(
    redis_server: RedisServer,
    rabbitmq_server: RabbitServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Trials]:
    with FakePhanEdge() as fake, ExitStack() as stack:
        trials = {}
        for name, kind in KINDS.items():
            site = kind.site(
                fake,
                tmp_path_factory.mktemp(name),
                redis=redis_server,
                rabbit=rabbitmq_server,
            )
            worker = site.worker(pool=kind.pool, concurrency=3)
            stack.callback(worker.close)
            stack.callback(worker.kill)
            worker.child.start()
            trials[name] = Trial(site=site, worker=worker)
        at_once(Trial.cancel_all, trials.values())
        at_once(Trial.settle, trials.values())
        yield trials


each_site = pytest.mark.parametrize("name", KINDS)
each_moment = pytest.mark.parametrize("moment", MOMENTS)


@each_moment
@each_site
def test_a_step_at_work_does_not_overwrite_what_was_told_of_a_cancel(
    trials: Trials, name: str, moment: str
) -> None:
    trial, wanted = trials[name], MOMENTS[moment]
    job = trial.at[moment]
    ended = trial.site.ticket(job.id)

    assert job.told["stopped"] == wanted.stopped
    assert trial.site.state(job.id) == wanted.state
    assert ended.stage is STAGES[wanted.state]
    assert trial.calls(job.id) == CALLS[wanted.state]


STAGES: Final = {
    states.REVOKED: Stage.CANCELLED,
    states.SUCCESS: Stage.DONE,
    states.FAILURE: Stage.FAILED,
}
CALLS: Final = {states.REVOKED: (0, 1), states.SUCCESS: (1, 0), states.FAILURE: (0, 1)}
RAISED: Final = {states.REVOKED: TaskRevokedError, states.FAILURE: JobFailed}


@each_moment
@each_site
def test_a_cancelled_job_tells_what_may_be_billed_and_is_asked_for_no_more(
    trials: Trials, name: str, moment: str
) -> None:
    trial, wanted = trials[name], MOMENTS[moment]
    job, site = trial.at[moment], trial.site
    made = job.job_id or site.job_of(job.request)

    assert job.told["may_be_billed"] is bool(made)
    assert site.ticket(job.id).job_id == made
    if job.request:
        assert site.posts_of(job.request) == wanted.posts
        assert not made or site.fake.polls_of(made) == 0
    else:
        assert site.fake.polls_of(job.job_id) == 1


@pytest.mark.parametrize("end", ENDS)
@each_site
def test_a_cancel_that_races_the_end_says_who_won(
    trials: Trials, name: str, end: str
) -> None:
    trial = trials[name]
    wins = states.SUCCESS if end == "Success" else states.FAILURE
    said = set()

    for number in RACERS:
        job = trial.raced[end, number]
        stopped = job.told["stopped"]
        state = wins if stopped == "too_late" else states.REVOKED
        assert trial.site.state(job.id) == state
        assert trial.site.ticket(job.id).stage is STAGES[state]
        assert trial.calls(job.id) == CALLS[state]
        if state in RAISED:
            assert type(trial.site.result(job.id)) is RAISED[state]
        said.add(stopped)

    assert said == {"following", "too_late"}


@each_site
def test_a_save_that_is_cancelled_leaves_nothing_half_kept(
    trials: Trials, name: str
) -> None:
    trial = trials[name]
    names = {moment: f"{job.id}.mp4" for moment, job in trial.at.items()}
    kept = trial.kept()

    assert names["save_that_succeeds"] in kept
    assert names["retrieve_before_a_save"] not in kept
    assert names["save"] not in kept
    assert set(kept) <= set(names.values())


def test_an_answer_that_comes_while_the_canvas_is_told_does_not_tell_it_again(
    trials: Trials,
) -> None:
    trial = trials["redis"]
    job = trial.begin(MOMENTS["posted"])
    [answered] = trial.stands_still(job, "submit_video", "http")
    trial.site.charges.lay(job.id, "submit_video", "advance", signal.SIGSTOP)

    trial.cancel(job)
    settling = set(trial.stands_still(job, "submit_video", "advance")) - {answered}
    os.kill(answered, signal.SIGCONT)
    wait_for(lambda: trial.site.ticket(job.id).job_id, LONG)
    wait_for(lambda: _count(trial.log(), job.id, OVER) == 1, LONG)
    for pid in settling or trial.worker.paused():
        os.kill(pid, signal.SIGCONT)
    trial.await_end(job.id)

    assert trial.calls(job.id) == CALLS[states.REVOKED]
    assert trial.site.ticket(job.id).job_id == trial.site.job_of(job.request)
