"""Sites whose jobs have to go on, whatever is done to what they stand on."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from celery import states

from phanedge_celery import follow_video
from phanedge_celery.testing import FakePhanEdge
from tests.faulty import WATCH, Site, twins
from tests.servers import RabbitServer, RedisServer
from tests.stacks import QUORUM
from tests.workers import WorkerProcess, wait_for

T = TypeVar("T")

EVERY: Final = 1.0
"""Quorum queues want whole seconds."""

PACE: Final = {
    "first": EVERY,
    "every": EVERY,
    "jitter": 0,
    "retry_first": 1,
    "retry_max": 1,
}

PATIENCE: Final = 90
"""Within so many seconds of a worker being up every job has to go on."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """On which broker and in which pool a site works."""

    broker: str = "redis"
    pool: str = "prefork"
    conf: Mapping[str, Any] = field(default_factory=dict)

    def site(
        self,
        fake: FakePhanEdge,
        folder: Path,
        *,
        redis: RedisServer,
        rabbit: RabbitServer,
    ) -> Site:
        """Make a site of this kind, that keeps its files in *folder*."""
        server = rabbit if self.broker == "rabbitmq" else redis
        return Site(
            fake=fake,
            folder=folder,
            broker=server.fresh_url(),
            backend=redis.fresh_url(),
            conf={**self.conf, "phanedge_storage": f"file://{folder}/kept"},
        )


KINDS: Final = {
    "redis": Kind(),
    "redis-threads": Kind(pool="threads"),
    "redis-watch": Kind(pool="threads", conf={"phanedge_watch_polls": True}),
    "rabbitmq": Kind(broker="rabbitmq"),
    "rabbitmq-threads": Kind(broker="rabbitmq", pool="threads"),
    "quorum": Kind(broker="rabbitmq", conf=QUORUM),
    "quorum-threads": Kind(broker="rabbitmq", pool="threads", conf=QUORUM),
}


@dataclass(kw_only=True)
class Ordeal:
    """One site, its worker, and the jobs that it follows."""

    name: str
    site: Site
    worker: WorkerProcess
    jobs: dict[str, str] = field(default_factory=dict)
    """The vendor's id of each Celery id."""

    def follow(self, many: int) -> list[str]:
        """Follow so many more jobs that run until they are told to end."""
        ids = []
        for _ in range(many):
            job_id = self.site.fake.add_job("Processing")
            link, error = self.site.note(f"{job_id}-link"), self.site.note(job_id)
            sent = follow_video(job_id, app=self.site.app, link=link, link_error=error)
            ids.append(str(sent.id))
            self.jobs[str(sent.id)] = job_id
        return ids

    def polls(self) -> Counter[str]:
        asked = self.site.fake.polls_of
        return Counter({id: asked(job_id) for id, job_id in self.jobs.items()})

    def waits_for(self, more: int, since: Counter[str], timeout: float) -> list[str]:
        """Wait for so many more polls of each job; return the jobs that lack some."""

        def lacking() -> list[str]:
            now = self.polls()
            return [id for id in self.jobs if now[id] < since[id] + more]

        with suppress(AssertionError):
            wait_for(lambda: not lacking(), timeout)
        return [self.site.tell(id) for id in lacking()]

    def end(self) -> None:
        """Let every job end, and wait for that."""
        for job_id in self.jobs.values():
            self.site.fake.script("Success", job=job_id)
        self.site.await_end(*self.jobs, timeout=PATIENCE)

    def linked(self) -> list[int]:
        """Return how often the link of each job was called."""
        wait_for(lambda: all(map(self._linked, self.jobs.values())), 20)
        return [self._linked(job_id) for job_id in self.jobs.values()]

    def _linked(self, job_id: str) -> int:
        return self.site.noted(f"{job_id}-link")

    def complaints(self) -> dict[str, str]:
        """Return the jobs that do not succeed, or whose `link_error` was called."""
        seen = {id: self.site.state(id) for id in self.jobs}
        called = {id: self.site.noted(job_id) for id, job_id in self.jobs.items()}
        return {
            id: f"{state}, link_error {called[id]}"
            for id, state in seen.items()
            if called[id] or state == states.FAILURE
        }

    def ends_well(self) -> None:
        """Fail unless each job has succeeded, and its link was called once."""
        assert {self.site.state(id) for id in self.jobs} == {states.SUCCESS}
        assert set(self.linked()) == {1}
        assert self.complaints() == {}

    def resent(self) -> Counter[str]:
        """Return how often the watch has sent each job's message again."""
        log = self.worker.child.log_file.read_text(errors="replace")
        return Counter(re.findall(r"phanedge\.resent id=(\S+)", log))

    def broken_off(self) -> list[str]:
        """Return what the log tells of steps that ended in an error of no kind."""
        log = self.worker.child.log_file.read_text(errors="replace")
        return re.findall(r"phanedge\.\w+\[\S+\] raised unexpected.*", log)

    def twins(self) -> Counter[str]:
        """Return how many polls of each job were made by a second copy."""
        fake = self.site.fake
        return Counter({id: twins(fake, job, EVERY) for id, job in self.jobs.items()})


def ordeal(
    name: str,
    *,
    redis: RedisServer,
    rabbit: RabbitServer | None,
    fake: FakePhanEdge,
    folder: Path,
    results: str,
    tickets: str,
    watch: Mapping[str, float] = WATCH,
) -> Ordeal:
    """Return a site of that kind, with a worker that is not yet started."""
    kind = KINDS[name]
    server = rabbit if kind.broker == "rabbitmq" else redis
    assert server is not None
    site = Site(
        fake=fake,
        folder=folder,
        broker=server.fresh_url(),
        backend=results,
        pace=PACE,
        watch=watch,
        conf={**kind.conf, "phanedge_tickets": tickets},
    )
    return Ordeal(name=name, site=site, worker=site.worker(pool=kind.pool))


def start(ordeals: Iterable[Ordeal]) -> None:
    """Start their workers side by side.

    Not by threads: a child ends with the thread that started it.
    """
    ordeals = list(ordeals)
    for one in ordeals:
        one.worker.child.start()
    for one in ordeals:
        one.worker.wait_for_log(" ready.", timeout=60)


def at_once(act: Callable[[T], Any], those: Iterable[T]) -> None:
    """Do something to all of them side by side, since most of it is waiting."""
    those = list(those)
    with ThreadPoolExecutor(len(those)) as hands:
        list(hands.map(act, those))
