"""What one poll costs a worker: CPU of its processes, and commands to Redis.

Six workers run side by side on queues of their own, all but one stopped by a signal.
Each window wakes one, lets it get going, and divides the CPU that it and its pool then
use by the runs. Jobs are asked each second and never end. The floor is a task that does
nothing but `self.retry(countdown=1)`; the naive loop is what a user would write instead
of ours. Commands are those that reach Redis from outside, a script as one; they are
counted by `MONITOR` in a window of their own.

Parts for `--only`: redis-prefork, redis-solo, redis-threads, rabbitmq-prefork, …
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import Final

import redis
from celery import Celery

from benchmarks.load import RUNS, Runs
from benchmarks.measure import Asked, alternate, arguments, ratios
from benchmarks.report import Report
from benchmarks.stand import cpu_seconds, family, serving
from phanedge_celery import follow_video
from phanedge_celery.testing import RemoteFake, Timeline
from tests.apps.plain import environment, make_app
from tests.servers import RabbitServer, RedisServer
from tests.workers import WorkerProcess, wait_for

POOLS: Final = {"prefork": 2, "solo": 1, "threads": 2}
BROKERS: Final = ("redis", "rabbitmq")
CASES: Final = {
    "nothing": "a task that does nothing",
    "quiet": "a self-retry that stores nothing",
    "retry": "a self-retry (the floor)",
    "naive": "the naive loop",
    "message": "ours, message mode",
    "watch": "ours, watch mode",
}
WAITING: Final = 100
"""Jobs, or tasks that retry: so many runs a second."""
WATCHED: Final = 500
"""Jobs in watch mode, which is for many."""
NEVER: Final = Timeline.seconds(processing=10**6)
NOT_OVERDUE: Final = '{"grace": 3600}'
"""Else the watch would send again what is late because the worker was stopped."""
GOALS: Final = {"naive": None, "message": 1.35, "watch": None}
THE_END: Final = "the-end-of-the-window"


@dataclass(kw_only=True)
class Subject:
    """One worker with its work, asleep until it is measured."""

    worker: WorkerProcess
    runs: Callable[[], int]
    feed: Callable[[], None]
    warm: int
    """Runs after which the worker is at work."""

    def awake(self, seconds: float) -> tuple[float, int]:
        """Let it work; return the CPU that it used, and its runs."""
        self.worker.resume()
        try:
            return self._working(seconds)
        finally:
            self.worker.pause()

    def _working(self, seconds: float) -> tuple[float, int]:
        self.feed()
        pids, before = family(self.worker.pid), self.runs()
        wait_for(lambda: self.runs() >= before + self.warm, 120, what="runs")
        cpu, runs = cpu_seconds(pids), self.runs()
        time.sleep(seconds)
        return cpu_seconds(pids) - cpu, self.runs() - runs

    def cost(self, seconds: float) -> float:
        """Return the milliseconds of CPU that a run takes."""
        cpu, runs = self.awake(seconds)
        return 1000 * cpu / max(runs, 1)


def main(given: Sequence[str] | None = None) -> int:
    asked = arguments(__doc__, given)
    report = Report("poll_cost")
    with serving() as fake, RedisServer() as server, ExitStack() as rest:
        for broker in BROKERS:
            parts = [f"{broker}-{pool}" for pool in POOLS]
            if asked.scale != "full" and not asked.only:
                parts = [part for part in parts if part == "redis-solo"]
            if not (wanted := list(filter(asked.wants, parts))):
                continue
            rabbit = rest.enter_context(RabbitServer()) if broker != "redis" else None
            for part in wanted:
                _compare(report, asked, part, fake, server, rabbit)
    report.say(
        f"{WAITING} jobs a second ({WATCHED} in watch mode), Python's own log at"
        " WARNING, a fake on the same machine that answers at once. Not measured:"
        " TLS, a service far away, SQL tickets, quorum queues, gevent."
    )
    return report.conclude(asked)


def _compare(
    report: Report,
    asked: Asked,
    part: str,
    fake: RemoteFake,
    server: RedisServer,
    rabbit: RabbitServer | None,
) -> None:
    seconds = asked.size(full=2.0, quick=1.0, tiny=0.2)
    few = ("retry", "naive", "message")
    named = asked.size(full=tuple(CASES), quick=tuple(CASES), tiny=few)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
        make = partial(_subject, running, Path(folder), part, fake, server, rabbit)
        subjects = {name: make(name) for name in named}
        commands = {
            name: _commands(subject, server, seconds)
            for name, subject in subjects.items()
        }
        costs = {name: partial(s.cost, seconds) for name, s in subjects.items()}
        taken = alternate(costs, asked.rounds)
    for name in named:
        report.add(f"{part}: {CASES[name]}", "ms CPU", taken[name])
    for name in (name for name in named if name in GOALS):
        ratio, goal = ratios(taken[name], taken["retry"]), GOALS[name]
        report.add(f"{part}: {CASES[name]} / the floor", "times", ratio, at_most=goal)
    ratio = ratios(taken["message"], taken["naive"])
    title = f"{part}: ours, message mode / the naive loop"
    report.add(title, "times", ratio, at_most=1)
    for name in named:
        report.add(f"{part}: {CASES[name]}", "Redis commands", commands[name])


def _subject(
    running: ExitStack,
    folder: Path,
    part: str,
    fake: RemoteFake,
    server: RedisServer,
    rabbit: RabbitServer | None,
    name: str,
) -> Subject:
    """Start a worker for the case *name*, give it its work, and stop it there."""
    pool = part.partition("-")[2]
    env = environment(
        broker=rabbit.fresh_url() if rabbit else server.fresh_url(),
        backend=server.fresh_url(),
        base_url=fake.url,
        schedule={"first": 1, "every": 1, "slow_every": 1},
        phanedge_api_key=fake.key,
        phanedge_watch_polls=name == "watch",
    ) | {RUNS: str(folder / name), "PHANEDGE_TEST_WATCH": NOT_OVERDUE}
    worker = WorkerProcess(
        env,
        module="benchmarks.load",
        pool=pool,
        concurrency=POOLS[pool],
        loglevel="WARNING",
    )
    running.enter_context(worker)
    app = make_app(env)
    counter = Runs(folder / name)
    feed = _feeder(app, name, fake)
    worker.pause()
    ours = name in ("message", "watch")
    return Subject(
        worker=worker,
        runs=(lambda: int(fake.counts.get("query", 0))) if ours else counter.total,
        feed=feed,
        warm=(WATCHED if name == "watch" else WAITING) // 2,
    )


def _feeder(app: Celery, name: str, fake: RemoteFake) -> Callable[[], None]:
    """Give the work; return what gives more of it before each window."""
    if name == "nothing":
        return lambda: _send_many(app, "bench.nothing", 700)
    if name in ("quiet", "retry"):
        _send_many(app, f"bench.{name}", WAITING)
    else:
        for _ in range(WATCHED if name == "watch" else WAITING):
            job_id = fake.add_job(NEVER)
            if name == "naive":
                app.send_task("bench.naive", [job_id])
            else:
                follow_video(job_id, app=app, max_wait=10**5)
    return lambda: None


def _send_many(app: Celery, name: str, many: int) -> None:
    with app.producer_or_acquire() as producer:
        for _ in range(many):
            app.send_task(name, producer=producer)


def _commands(subject: Subject, server: RedisServer, seconds: float) -> float:
    """Return the commands of a worker to Redis for each run."""
    subject.awake(seconds)  # the first polls tell a status, too
    with redis.Redis.from_url(server.url()) as client, client.monitor() as monitor:
        before = subject.runs()
        subject.awake(seconds)
        runs = subject.runs() - before
        client.echo(THE_END)
        seen = iter(monitor.next_command, None)
        told = takewhile(lambda command: THE_END not in command["command"], seen)
        count = sum(command["client_type"] != "lua" for command in told)
    return float(count / max(runs, 1))


if __name__ == "__main__":
    sys.exit(main())
