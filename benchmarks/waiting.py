"""What jobs cost while they wait: memory, a worker's start, others' patience.

So many jobs wait for an hour when a worker starts: as messages for the naive loop and
in message mode, as tickets alone in watch mode. Then two tasks that have nothing to do
with them are sent, one to the queue of the jobs and one to another queue of the same
worker. Measured are the start until the worker says that it is ready, how long each of
the two then waits, by what the process of the worker has grown once all is loaded, and
what Redis holds for each job.

An hour, so that nothing is asked meanwhile: at work, a job waits a minute at most.
Parts for `--only`: 1000, 10000, 50000.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import redis
from celery import Celery

from benchmarks.measure import Asked, alternate, arguments, column
from benchmarks.report import Report
from benchmarks.stand import memory, serving
from phanedge_celery import follow_video
from phanedge_celery.testing import RemoteFake
from phanedge_celery.tickets import store_for
from tests.apps.plain import environment, make_app
from tests.servers import FreshRedis, RedisServer
from tests.workers import WorkerProcess, wait_for

HOUR: Final = 3600
PATIENCE: Final = 600
CASES: Final = {
    "naive": "the naive loop",
    "message": "ours, message mode",
    "watch": "ours, watch mode",
}
MEASURED: Final = {
    "memory": ("memory of the worker", "MB more"),
    "stored": ("in Redis", "bytes a job"),
    "start": ("start of the worker", "s"),
    "same": ("another task, on the same queue", "s"),
    "other": ("another task, on another queue", "s"),
}
QUEUE: Final = "celery"


def main(given: Sequence[str] | None = None) -> int:
    asked = arguments(__doc__, given)
    sizes = asked.size(
        full={1000: 9, 10_000: 3, 50_000: 1}, quick={1000: 1}, tiny={20: 1}
    )
    report = Report("waiting")
    with serving() as fake, RedisServer() as server:
        for many, most in sizes.items():
            if asked.wants(str(many)):
                _compare(report, asked, fake, server, many, min(most, asked.rounds))
    report.say(
        "10,000 jobs are measured in three rounds and 50,000 in one: a round takes"
        " minutes. Not measured: RabbitMQ, which holds waiting messages itself, and"
        " SQL tickets."
    )
    return report.conclude(asked)


def _compare(
    report: Report,
    asked: Asked,
    fake: RemoteFake,
    server: RedisServer,
    many: int,
    rounds: int,
) -> None:
    named = asked.size(full=tuple(CASES), quick=tuple(CASES), tiny=("message",))
    cases: dict[str, Callable[[], Any]] = {
        name: partial(waiting, name, many, fake, server) for name in named
    }
    cases["none"] = partial(waiting, "message", 0, fake, server)
    taken = alternate(cases, rounds)
    nothing = column(taken["none"], "memory")
    for measured, (title, unit) in MEASURED.items():
        for name in named:
            samples = column(taken[name], measured)
            if measured == "memory":
                samples = [a - b for a, b in zip(samples, nothing, strict=True)]
            report.add(f"{many:,} jobs: {title}, {CASES[name]}", unit, samples)


def waiting(
    name: str, many: int, fake: RemoteFake, server: RedisServer
) -> dict[str, float]:
    """Let *many* jobs wait, start a worker, and see what that does."""
    fresh = server.fresh()
    env = environment(
        broker=fresh.broker,
        backend=fresh.backend,
        base_url=fake.url,
        phanedge_api_key=fake.key,
        phanedge_watch_polls=name == "watch",
    )
    app, before = make_app(env), _held(server)
    if many:
        _fill(app, name, many, fresh, fake.add_job())
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, _worker(env) as worker:
        start = time.monotonic() - begun
        waits = _others(app, Path(folder))
        wait_for(lambda: _length(fresh) == 0, PATIENCE, what="all messages taken")
        held, stored = memory(worker.pid), (_held(server) - before) / max(many, 1)
        worker.kill()
    _forget(fresh)
    return {"start": start, "memory": held, "stored": stored, **waits}


def _worker(env: dict[str, str]) -> WorkerProcess:
    return WorkerProcess(
        env, module="benchmarks.load", queues=(QUEUE, "other"), loglevel="WARNING"
    )


def _others(app: Celery, folder: Path) -> dict[str, float]:
    """Send two tasks now; return how long each waited to be run."""
    queues = {"same": QUEUE, "other": "other"}
    sent = {}
    for name, queue in queues.items():
        sent[name] = time.time()
        app.send_task("bench.stamp", [str(folder / name)], queue=queue)
    wait_for(lambda: all((folder / n).exists() for n in queues), PATIENCE)
    wait_for(lambda: all((folder / n).read_text() for n in queues))
    return {n: float((folder / n).read_text()) - sent[n] for n in queues}


def _fill(app: Celery, name: str, many: int, fresh: FreshRedis, job_id: str) -> None:
    """Let *many* jobs wait, all made after one that is made as users make them."""
    if name == "naive":
        app.send_task("bench.naive", [job_id])
    else:
        followed = follow_video(job_id, app=app)
        _clone_ticket(app, followed.id, many)
    with redis.Redis.from_url(fresh.broker) as broker:
        found: Any = broker.lpop(QUEUE)
        if name == "watch":
            return
        clones = _clones(json.loads(found))
        while batch := list(islice(clones, min(many, 1000))):
            broker.lpush(QUEUE, *batch)
            many -= len(batch)


def _clone_ticket(app: Celery, id: str, many: int) -> None:
    store = store_for(app)
    ticket = store.read(id)
    assert ticket is not None
    due = time.time() + HOUR
    store.touch(id, ticket.version, due)
    for _ in range(many - 1):
        store.create(replace(ticket, id=str(uuid4()), next_at=due))


def _clones(message: dict[str, Any]) -> Iterator[str]:
    eta = (datetime.now(timezone.utc) + timedelta(seconds=HOUR)).isoformat()
    while True:
        id = str(uuid4())
        message["headers"] |= {"id": id, "root_id": id, "eta": eta}
        message["properties"] |= {"correlation_id": id, "delivery_tag": str(uuid4())}
        yield json.dumps(message)


def _length(fresh: FreshRedis) -> int:
    with redis.Redis.from_url(fresh.broker) as broker:
        return int(broker.llen(QUEUE))


def _held(server: RedisServer) -> int:
    with redis.Redis.from_url(server.url()) as client:
        return int(client.info("memory")["used_memory_dataset"])


def _forget(fresh: FreshRedis) -> None:
    for url in fresh:
        with redis.Redis.from_url(url) as client:
            client.flushdb()


if __name__ == "__main__":
    sys.exit(main())
