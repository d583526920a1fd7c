"""A watch that dies or stands still in the middle of a batch: its jobs are asked again.

One site goes through it all, and each time tells how long its jobs had to wait.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

import pytest

from phanedge_celery.schedule import WatchPace
from phanedge_celery.testing import FakePhanEdge, Fault
from tests.faulty import ASKING, Site
from tests.ordeals import Ordeal, start
from tests.servers import RedisServer
from tests.workers import WorkerProcess, wait_for

pytestmark = pytest.mark.timeout(300)

JOBS: Final = 20
RATE: Final = 20
"""Queries a second; less than the jobs want, so that two watches would be seen."""
EVERY: Final = 0.25
PACE: Final = {"first": EVERY, "every": EVERY, "jitter": 0, "retry_first": 0.2}
HANGS: Final = 2
"""So many seconds the queries take in whose middle something happens."""
IN_A_BATCH: Final = 3
SLACK: Final = 5
RESTARTED: Final = 20
LOOKED_AT: Final = 6
"""For so many seconds polls are counted, once a paused watch goes on."""


@dataclass(kw_only=True)
class Story:
    """What happens to two workers that watch, and when each job was asked for."""

    ordeal: Ordeal
    workers: Sequence[WorkerProcess]
    pace: WatchPace
    waits: dict[str, list[float]] = field(default_factory=dict)
    """How long each job had to wait after each misfortune, in seconds."""
    after_the_pause: list[tuple[float, str]] = field(default_factory=list)
    """The queries of a while, each with its moment and its job."""

    def queries(self, since: float) -> list[tuple[float, str]]:
        log = self.ordeal.site.fake.log("query")
        return [(each.at, str(each.job_id)) for each in log if each.at >= since]

    def first_asked(self, since: float) -> Mapping[str, float]:
        """Return after how many seconds each job was asked for, as far as it was."""
        return {job: at - since for at, job in reversed(self.queries(since))}

    def in_a_batch(self) -> WorkerProcess:
        """Wait until a watch is in the middle of a batch; return its worker."""
        now = time.monotonic()
        hangs = Fault(delay=HANGS)
        self.ordeal.site.fake.fault(hangs, on="query", times=IN_A_BATCH)
        wait_for(lambda: len(self.queries(now)) >= IN_A_BATCH, 60, every=0.02)
        busy = wait_for(self._watching, 10, every=0.02)
        assert busy is not None
        return busy

    def _watching(self) -> WorkerProcess | None:
        found = [each for each in self.workers if each.child.running and _at_it(each)]
        return found[0] if len(found) == 1 else None

    def wait_for_all(self, name: str, since: float) -> None:
        wait_for(
            lambda: len(self.first_asked(since)) == JOBS,
            90,
            what=lambda: f"{JOBS} jobs; {len(self.first_asked(since))} were asked for",
        )
        self.waits[name] = sorted(self.first_asked(since).values())

    def one_is_killed(self) -> None:
        victim = self.in_a_batch()
        victim.kill()
        self.wait_for_all("killed", time.monotonic())
        victim.start()

    def all_are_killed(self) -> None:
        self.in_a_batch()
        for worker in self.workers:
            worker.kill()
        self.workers[0].start()
        self.wait_for_all("all_killed", time.monotonic())
        self.workers[1].start()

    def one_is_paused(self) -> None:
        victim = self.in_a_batch()
        victim.pause()
        paused = time.monotonic()
        lease = max(self.pace.turn_lease, self.pace.claim)
        self.wait_for_all("paused", paused)
        time.sleep(max(paused + lease + 1 - time.monotonic(), 0))
        victim.resume()
        resumed = time.monotonic()
        time.sleep(LOOKED_AT)
        self.after_the_pause = self.queries(resumed)


def _at_it(worker: WorkerProcess) -> bool:
    """Does a watch run in this worker just now?"""
    log = worker.log()
    begun = set(re.findall(r"phanedge\.watch\[(\S+)\] received", log))
    return bool(begun - set(re.findall(r"phanedge\.watch\[(\S+)\] succeeded", log)))


PACES: Final = (
    pytest.param(ASKING, id="quick"),
    pytest.param({}, id="default", marks=pytest.mark.long),
)


@pytest.fixture(scope="module", params=PACES)
def story(
    request: pytest.FixtureRequest,
    redis_server: RedisServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Story]:
    conf: dict[str, Any] = {"phanedge_watch_polls": True, "phanedge_poll_rate": RATE}
    with FakePhanEdge() as fake, ExitStack() as stack:
        site = Site(
            fake=fake,
            folder=tmp_path_factory.mktemp("deaths"),
            broker=redis_server.fresh_url(),
            backend=redis_server.fresh_url(),
            pace=PACE,
            watch=request.param,
            conf=conf,
        )
        workers = [site.worker() for _ in range(2)]
        for worker in workers:
            stack.callback(worker.close)
            stack.callback(worker.kill)
        ordeals = [Ordeal(name="watch", site=site, worker=each) for each in workers]
        start(ordeals)
        told = Story(
            ordeal=ordeals[0], workers=workers, pace=WatchPace(**request.param)
        )
        told.ordeal.follow(JOBS)
        told.wait_for_all("begun", 0)
        told.one_is_killed()
        told.all_are_killed()
        told.one_is_paused()
        told.ordeal.end()
        yield told


def test_the_jobs_of_a_killed_watch_are_asked_for_by_another_in_time(
    story: Story,
) -> None:
    assert story.pace.claim <= 30
    assert story.pace.turn_lease <= 30
    assert story.waits["killed"][-1] <= story.pace.claim + SLACK


def test_every_job_goes_on_once_one_of_the_killed_workers_is_back(
    story: Story,
) -> None:
    assert story.waits["all_killed"][-1] <= RESTARTED


def test_the_jobs_of_a_watch_that_stands_still_are_asked_for_by_another(
    story: Story,
) -> None:
    assert story.waits["paused"][-1] <= story.pace.claim + SLACK


def test_a_watch_that_stood_still_makes_no_second_line_of_polls(story: Story) -> None:
    times: dict[str, list[float]] = {}
    for at, job in story.after_the_pause:
        times.setdefault(job, []).append(at)
    twins = {
        job: sum(later - sooner < 0.7 * EVERY for sooner, later in pairwise(asked))
        for job, asked in times.items()
    }

    assert len(times) == JOBS
    assert max(twins.values()) <= 1
    assert len(story.after_the_pause) <= 1.2 * RATE * LOOKED_AT


def test_in_the_end_every_job_succeeds_and_its_link_is_called_once(
    story: Story,
) -> None:
    story.ordeal.ends_well()
