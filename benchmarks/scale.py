"""Ten thousand jobs at once: what the watch manages, and how it bears being killed.

The watch asks for jobs that never end, beside a fake and a Redis on the same machine:
the CPU of a poll against a task that does nothing but retry itself, polls a second at
a service that takes 50 ms, memory of a worker that is at work. Then the worker is
killed in the middle of a batch, with another one beside it or to be started, and the
time counts until the last job has been asked for again. At last the vendor calls back.

Parts for `--only`: cost-prefork, cost-solo, polls, memory, killed, restarted, called.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Final
from uuid import uuid4

import redis
from celery import Celery

from benchmarks.load import RUNS, Runs
from benchmarks.measure import Asked, alternate, arguments, column, ratios
from benchmarks.report import Report
from benchmarks.stand import cpu_seconds, family, memory, serving
from phanedge_celery import enqueue_video
from phanedge_celery.schedule import WATCH
from phanedge_celery.testing import Fault, RemoteFake, Timeline
from phanedge_celery.tickets import Stage, Ticket, store_for
from tests.apps.plain import environment, make_app
from tests.processes import Child
from tests.servers import RedisServer
from tests.servers.server import free_port
from tests.workers import WorkerProcess, python_path, wait_for

GOALS: Final = {"prefork": 0.15, "solo": 0.30}
UPSTREAM: Final = 0.05
RETRYING: Final = 100
NEVER: Final = Timeline.seconds(processing=10**6)
PATIENCE: Final = 120


@dataclass(frozen=True, kw_only=True)
class Site:
    """Jobs that wait for the watch, and who asks for them."""

    fake: RemoteFake
    server: RedisServer
    env: dict[str, str]
    app: Celery

    def worker(self, pool: str = "prefork") -> WorkerProcess:
        return WorkerProcess(
            self.env,
            module="benchmarks.load",
            pool=pool,
            concurrency=2 if pool == "prefork" else 1,
            loglevel="WARNING",
        )

    def wait_for_polls(self, many: int) -> None:
        before = self.polls()
        wait_for(lambda: self.polls() >= before + many, PATIENCE, what="polls")

    def polls(self) -> int:
        return int(self.fake.counts.get("query", 0))

    def fill(self, many: int) -> list[str]:
        """Let *many* jobs wait that are due now; return their job ids."""
        jobs = [self.fake.add_job(NEVER) for _ in range(min(many, 2000))]
        for number in range(many):
            store_for(self.app).create(_waiting(jobs[number % len(jobs)]))
        return jobs


def _waiting(job_id: str) -> Ticket:
    """Return a ticket as a second poll leaves it."""
    id, now = str(uuid4()), time.time()
    return Ticket(
        id=id,
        version=4,
        stage=Stage.POLLING,
        request_sha256="f" * 64,
        model="MiniMax-Hailuo-2.3",
        save_to="orders/4711.mp4",
        job_id=job_id,
        status="Processing",
        history={"Queueing": 61.2, "Processing": 118.4},
        polls=2,
        since=now,
        submitted_at=now,
        deadline=now + 10**5,
        next_at=now,
        message={
            "task": "phanedge.poll_video",
            "args": [job_id],
            "kwargs": {"save_to": "orders/4711.mp4"},
            "options": {"task_id": id},
        },
    )


@contextmanager
def site(
    fake: RemoteFake, server: RedisServer, *, every: float = 1, **conf: Any
) -> Iterator[Site]:
    fake.reset()
    fresh = server.fresh()
    env = environment(
        broker=fresh.broker,
        backend=fresh.backend,
        base_url=fake.url,
        schedule={"first": every, "every": every, "slow_every": every},
        phanedge_api_key=fake.key,
        phanedge_watch_polls=True,
        **conf,
    )
    with make_app(env) as app:
        yield Site(fake=fake, server=server, env=env, app=app)
    for url in fresh:
        with redis.Redis.from_url(url) as client:
            client.flushdb()


def main(given: Sequence[str] | None = None) -> int:
    asked = arguments(__doc__, given)
    report = Report("scale")
    parts: dict[str, Callable[..., None]] = {
        **{f"cost-{pool}": partial(_cost, pool) for pool in GOALS},
        "polls": _polls,
        "memory": _memory,
        "killed": _killed,
        "restarted": _restarted,
        "called": _called,
    }
    if asked.scale == "tiny":
        parts = {name: parts[name] for name in ("polls", "killed")}
    with serving() as fake, RedisServer() as server:
        for name, part in parts.items():
            if asked.wants(name):
                part(report, asked, fake, server)
    report.say(
        "Fake, Redis and worker share the machine. Not measured: RabbitMQ, SQL tickets,"
        " TLS, more than one machine."
    )
    return report.conclude(asked)


def _cost(
    pool: str, report: Report, asked: Asked, fake: RemoteFake, server: RedisServer
) -> None:
    seconds = asked.size(full=10.0, quick=3.0, tiny=0.5)

    def polling() -> float:
        with site(fake, server) as here:
            here.fill(1000)
            with here.worker(pool) as worker:
                here.wait_for_polls(1500)
                cost = _each(worker, here.polls, seconds)
                worker.kill()
        return cost

    def retrying() -> float:
        with tempfile.TemporaryDirectory() as folder, site(fake, server) as here:
            counter = Runs(Path(folder) / "runs")
            here.env[RUNS] = str(Path(folder) / "runs")
            with here.worker(pool) as worker:
                for _ in range(RETRYING):
                    here.app.send_task("bench.retry")
                wait_for(lambda: counter.total() >= 3 * RETRYING, PATIENCE, what="runs")
                cost = _each(worker, counter.total, seconds)
                worker.kill()
        return cost

    taken = alternate({"poll": polling, "retry": retrying}, asked.rounds)
    report.add(f"a poll, {pool}", "ms CPU", taken["poll"])
    report.add(f"a self-retry, {pool}", "ms CPU", taken["retry"])
    share = ratios(taken["poll"], taken["retry"])
    report.add(f"a poll / a self-retry, {pool}", "times", share, at_most=GOALS[pool])


def _each(worker: WorkerProcess, count: Callable[[], int], seconds: float) -> float:
    pids = family(worker.pid)
    cpu, runs = cpu_seconds(pids), count()
    time.sleep(seconds)
    return 1000 * (cpu_seconds(pids) - cpu) / max(count() - runs, 1)


def _polls(report: Report, asked: Asked, fake: RemoteFake, server: RedisServer) -> None:
    """Count polls at a service that takes its time."""
    many = asked.size(full=2000, quick=2000, tiny=50)
    seconds = asked.size(full=10.0, quick=5.0, tiny=0.5)

    def rate() -> float:
        with site(fake, server) as here:
            fake.fault(Fault(delay=UPSTREAM), on="query", times=None)
            here.fill(many)
            with here.worker() as worker:
                here.wait_for_polls(many)
                polls, begun = here.polls(), time.monotonic()
                time.sleep(seconds)
                polled = (here.polls() - polls) / (time.monotonic() - begun)
                worker.kill()
        return polled

    taken = alternate({"rate": rate}, asked.rounds)
    goal = {} if asked.scale == "tiny" else {"at_least": 500}
    report.add("polls, upstream 50 ms", "a second", taken["rate"], **goal)


def _memory(
    report: Report, asked: Asked, fake: RemoteFake, server: RedisServer
) -> None:
    """Compare workers that have few jobs to ask for, and many."""
    few, lots = asked.size(full=(1000, 50_000), quick=(1000, 5000), tiny=(10, 20))

    def held(many: int) -> dict[str, float]:
        with site(fake, server, every=20) as here:
            before = _dataset(server)
            here.fill(many)
            stored = (_dataset(server) - before) / many
            with here.worker() as worker:
                here.wait_for_polls(5000)
                mega = sum(map(memory, family(worker.pid)))
                worker.kill()
        return {"memory": mega, "stored": stored}

    rounds = min(asked.rounds, 3)
    taken = alternate({str(n): partial(held, n) for n in (few, lots)}, rounds)
    low, high = (column(taken[str(n)], "memory") for n in (few, lots))
    grown = [b - a for a, b in zip(low, high, strict=True)]
    report.add(f"worker at {few:,} jobs", "MB", low)
    report.add(f"grown at {lots:,} jobs", "MB", grown, at_most=10)
    stored = column(taken[str(lots)], "stored")
    report.add("Redis for a waiting job", "bytes", stored, at_most=1000)


def _dataset(server: RedisServer) -> int:
    with redis.Redis.from_url(server.url()) as client:
        return int(client.info("memory")["used_memory_dataset"])


def _killed(
    report: Report, asked: Asked, fake: RemoteFake, server: RedisServer
) -> None:
    """Kill the worker whose watch asks, while another one stands by."""

    def until_asked() -> float:
        with site(fake, server, every=2) as here, ExitStack() as running:
            jobs = here.fill(asked.size(full=200, quick=200, tiny=20))
            fake.fault(Fault(delay=UPSTREAM), on="query", times=None)
            first = running.enter_context(here.worker())
            here.wait_for_polls(3 * len(jobs) // 2)
            running.enter_context(here.worker())
            first.kill()
            return _until_asked(fake, jobs, time.time())

    taken = alternate({"killed": until_asked}, min(asked.rounds, 3))
    goal = WATCH.claim + 5
    report.add("asked again, another worker beside", "s", taken["killed"], at_most=goal)


def _restarted(
    report: Report, asked: Asked, fake: RemoteFake, server: RedisServer
) -> None:
    """Kill the only worker, and start another one."""

    def until_asked() -> float:
        with site(fake, server, every=2) as here, ExitStack() as running:
            jobs = here.fill(200)
            fake.fault(Fault(delay=UPSTREAM), on="query", times=None)
            with here.worker() as first:
                here.wait_for_polls(3 * len(jobs) // 2)
                first.kill()
            running.enter_context(here.worker())
            return _until_asked(fake, jobs, time.time())

    taken = alternate({"restarted": until_asked}, min(asked.rounds, 3))
    report.add("asked again, after a restart", "s", taken["restarted"], at_most=20)


def _until_asked(fake: RemoteFake, jobs: Sequence[str], since: float) -> float:
    """Return how long it takes until the last of *jobs* has been asked for."""
    left = dict.fromkeys(jobs, 0.0)

    def all_asked() -> bool:
        for entry in fake.log("query"):
            if entry.wall > since:
                left.pop(str(entry.job_id), None)
        return not left

    wait_for(all_asked, PATIENCE, every=0.5, what=lambda: f"{len(left)} jobs")
    return time.time() - since


def _called(
    report: Report, asked: Asked, fake: RemoteFake, server: RedisServer
) -> None:
    """Let the vendor call back about jobs that take what jobs typically take."""
    shortest, longest = asked.size(full=(60, 115), quick=(20, 40), tiny=(2, 3))
    many = asked.size(full=20, quick=10, tiny=2)
    port = free_port()
    hook = {
        "phanedge_callback_url": f"http://127.0.0.1:{port}/hook",
        "phanedge_callback_secret": "a-secret-of-the-benchmark",
    }
    with site(fake, server, every=10, **hook) as here, ExitStack() as running:
        receiver = _receiver(here, port)
        running.callback(receiver.kill)
        fake.options(callbacks=True)
        running.enter_context(here.worker())
        ids = {}
        for number in range(many):
            lasts = shortest + (longest - shortest) * number / max(many - 1, 1)
            prompt = f"A cat, {number}."
            timeline = Timeline.seconds(queueing=3, processing=lasts - 3)
            fake.script(timeline, prompt=prompt)
            request = {"model": "MiniMax-Hailuo-02", "prompt": prompt}
            ids[enqueue_video(request, app=here.app).id] = lasts
        store = store_for(here.app)

        def all_done() -> bool:
            tickets = (store.read(id) for id in ids)
            return all(ticket and ticket.stage.ended for ticket in tickets)

        wait_for(all_done, longest + PATIENCE, every=1)
        made = {str(e.job_id): e.at for e in fake.log("create")}
        asked_at: dict[str, list[float]] = {}
        for entry in fake.log("query"):
            asked_at.setdefault(str(entry.job_id), []).append(entry.at)
        jobs = {str((store.read(id) or _waiting("")).job_id): ids[id] for id in ids}
        late = [max(asked_at[j]) - made[j] - lasts for j, lasts in jobs.items()]
        queries = [float(len(asked_at[job])) for job in jobs]
    report.add("called back: from the end to its poll", "s", median(late), at_most=2)
    mean = sum(queries) / len(queries)
    report.add("called back: queries", "a job", mean, at_most=2.2)


def _receiver(here: Site, port: int) -> Child:
    folder = Path(tempfile.mkdtemp(prefix="phanedge-"))
    child = Child(
        [sys.executable, "-m", "tests.receivers", "flask", str(port)],
        folder / "site.log",
        env={**here.env, "PYTHONPATH": python_path()},
    )
    child.start()
    child.wait_for_log("listening")
    return child


if __name__ == "__main__":
    sys.exit(main())
