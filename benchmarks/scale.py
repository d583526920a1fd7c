"""What a poll costs a worker, where the watch asks: CPU beside a no-op self-retry.

    python benchmarks/scale.py [--jobs N] [--seconds S] [--rounds N] [--pool solo]

A fake and a Redis run beside one worker at a time. Each round lets a worker poll jobs
that never end, as fast as they are due, then another one run a task that does nothing
but retry itself after a second. CPU is that of the worker with its pool, user and
system, over a window in which it is already at work. Rounds alternate, since a machine
is never quiet; the ratio of the medians is printed, and what was polled a second.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from celery import Celery  # noqa: E402
from celery.signals import worker_ready  # noqa: E402

from tests.apps.plain import app, environment, make_app  # noqa: E402
from tests.servers import RedisServer  # noqa: E402
from tests.workers import WorkerProcess, wait_for  # noqa: E402

TARGET = {"prefork": 0.15, "solo": 0.30}
RETRYING = 300
"""Tasks that retry each second: what one worker can bear."""


@app.task(bind=True, name="bench.noop", max_retries=None, ignore_result=True)
def noop(self: Any) -> None:
    raise self.retry(countdown=1)


@worker_ready.connect(weak=False)
def _say_ready(**_: Any) -> None:
    # At the level of warnings nobody else says so, and lines cost CPU.
    print("bench is ready.", flush=True)


@dataclass(frozen=True)
class Cost:
    """What one worker did in one window."""

    cpu: float
    runs: int
    seconds: float

    @property
    def each(self) -> float:
        """Milliseconds of CPU for one run."""
        return 1000 * self.cpu / max(self.runs, 1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pool", choices=list(TARGET), default="prefork")
    asked = parser.parse_args()
    polls, retries = [], []
    with serving() as url, RedisServer() as server:
        for _ in range(asked.rounds):
            polls.append(polling(url, server, asked.jobs, asked))
            retries.append(retrying(url, server, asked))
    poll, retry = (median(cost.each for cost in costs) for costs in (polls, retries))
    rate = median(cost.runs / cost.seconds for cost in polls)
    print(f"a poll       {poll:6.3f} ms CPU, {rate:.0f} polls a second")
    print(f"a self-retry {retry:6.3f} ms CPU")
    print(f"ratio {poll / retry:.3f}, at most {TARGET[asked.pool]} wanted")
    return int(poll / retry > TARGET[asked.pool])


@contextmanager
def serving() -> Iterator[str]:
    """Run the fake in a process of its own; it needs CPU, too."""
    command = [sys.executable, "-m", "phanedge_celery.testing", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as fake:
        assert fake.stdout
        line = fake.stdout.readline()
        try:
            yield next(w for w in line.split() if w.startswith("http")).rstrip(",")
        finally:
            fake.terminate()


def polling(url: str, server: RedisServer, many: int, asked: Any) -> Cost:
    from phanedge_celery.testing import RemoteFake, Timeline
    from phanedge_celery.tickets import Stage, Ticket, store_for

    fake = RemoteFake(url)
    env = _environment(url, server, fake.key)
    made = make_app(env)
    store, now = store_for(made), time.time()
    forever = Timeline.seconds(processing=10**6)
    for number in range(many):
        store.create(
            Ticket(
                id=f"job-{number}",
                stage=Stage.POLLING,
                job_id=fake.add_job(forever),
                status="Processing",
                since=now,
                submitted_at=now,
                deadline=now + 10**5,
                next_at=now,
                message=MESSAGE | {"options": {"task_id": f"job-{number}"}},
            )
        )
    with _worker(env, asked.pool) as worker:

        def count() -> int:
            return int(fake.counts.get("query", 0))

        wait_for(lambda: count() > many, 60)
        return _measured(worker, count, asked.seconds)


MESSAGE = {"task": "phanedge.poll_video", "args": ["1069"], "kwargs": {}}


def retrying(url: str, server: RedisServer, asked: Any) -> Cost:
    env = _environment(url, server, "unused")
    made = make_app(env)
    with _worker(env, asked.pool) as worker:
        for _ in range(RETRYING):
            made.send_task("bench.noop")

        def count() -> int:
            return _retries(made, worker)

        wait_for(lambda: count() > RETRYING, 60)
        return _measured(worker, count, asked.seconds)


def _retries(made: Celery, worker: WorkerProcess) -> int:
    told: Any = made.control.inspect([worker.name], timeout=5).stats() or {}
    return int(told.get(worker.name, {}).get("total", {}).get("bench.noop", 0))


def _environment(url: str, server: RedisServer, key: str) -> dict[str, str]:
    databases = server.fresh()
    return environment(
        broker=databases.broker,
        backend=databases.backend,
        base_url=url,
        schedule={"every": 1, "slow_every": 1},
        phanedge_api_key=key,
        phanedge_watch_polls=True,
    )


def _worker(env: dict[str, str], pool: str) -> WorkerProcess:
    many = 2 if pool == "prefork" else 1
    return WorkerProcess(
        env,
        module="benchmarks.scale",
        pool=pool,
        concurrency=many,
        loglevel="WARNING",
    )


def _measured(worker: WorkerProcess, count: Callable[[], int], seconds: float) -> Cost:
    cpu, runs, begun = _cpu(worker), count(), time.monotonic()
    time.sleep(seconds)
    return Cost(_cpu(worker) - cpu, count() - runs, time.monotonic() - begun)


def _cpu(worker: WorkerProcess) -> float:
    """Return the seconds of CPU that a worker and its pool have used."""
    ticks = 0
    for pid in (worker.pid, *worker.children()):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    sys.exit(main())
