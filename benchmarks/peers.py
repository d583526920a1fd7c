"""The same jobs and the same faults, followed by others' loops and by ours.

200 jobs are enqueued at once for two workers of 25 threads each. Once, a query is
answered with code 1002; once, its connection is reset; one job ends as `Failed`, one as
`Fail`; one worker is killed a minute after the start, and another one started. Jobs run
for one to three minutes. The loops are those of `benchmarks.peer_loops`: (a) the
vendor's sample, (b) a textbook self-retry, (c) the vendor's MCP server, (d) ours.

Time is divided by four for all alike: the durations, the waits of every loop and of
our schedule and watch, Redis' visibility timeout. What is told is in the seconds of
the real thing. A run is over when all jobs have ended, or nothing has for five minutes.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Final
from uuid import uuid4

from celery import Celery, chain, signature, states

from benchmarks.measure import alternate, arguments
from benchmarks.peer_loops import SLOTS
from benchmarks.report import Report
from benchmarks.stand import serving
from phanedge_celery import enqueue_video
from phanedge_celery.results import stored
from phanedge_celery.schedule import PollSchedule, WatchPace
from phanedge_celery.testing import Fault, RemoteFake, Timeline
from tests.apps.plain import environment, make_app
from tests.servers import RedisServer
from tests.workers import WorkerProcess

THREADS: Final = 25
MODEL: Final = "MiniMax-Hailuo-2.3"
CASES: Final = {
    "sample": "(a) the vendor's sample loop",
    "retry": "(b) a textbook self-retry",
    "mcp": "(c) the loop of the vendor's MCP server",
    "message": "(d) ours, message mode",
    "watch": "(d) ours, watch mode",
}
FAILED: Final = ("JobFailed", "MinimaxError")
MEASURED: Final = {
    "finished": "jobs finished with their file",
    "told": "failed jobs told as failed (of 2)",
    "posts": "POSTs",
    "lost": "POSTs whose job has neither file nor error",
    "waiting": "jobs not yet asked for",
    "polls": "queries a job",
    "slots": "s a job holds a slot",
    "delay": "s from the vendor's end to ours, median",
    "worst": "s from the vendor's end to ours, longest",
    "span": "s until the last job ended",
}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How many jobs, how long each, and how much faster than real."""

    durations: Sequence[float]
    factor: float
    kill_at: float = 60
    idle: float = 300

    @classmethod
    def of(cls, many: int, factor: float, **more: float) -> Plan:
        dice = random.Random(7)
        durations = [dice.uniform(60, 180) for _ in range(many)]
        return cls(durations=durations, factor=factor, **more)


def main(given: Sequence[str] | None = None) -> int:
    asked = arguments(__doc__, given, full=1, quick=1, tiny=1)
    plan = asked.size(
        full=Plan.of(200, 4),
        quick=Plan.of(20, 20),
        tiny=Plan.of(4, 60, kill_at=30),
    )
    few = asked.size(full=tuple(CASES), quick=("sample", "message"), tiny=("message",))
    report = Report("peers")
    with RedisServer() as server:
        cases: dict[str, Callable[[], Any]] = {
            title: partial(_followed, name, plan, server)
            for name, title in CASES.items()
            if asked.wants(name) and name in few
        }
        taken = alternate(cases, asked.rounds)
    for measured, what in MEASURED.items():
        for title in cases:
            samples = [found[measured] for found in taken[title]]
            report.add(f"{what}: {title}", "", samples)
    report.say(
        f"{len(plan.durations)} jobs, time divided by {plan.factor:g}; one run of each,"
        " for it takes minutes. With early acknowledgement or a visibility timeout of"
        " an hour, what a killed worker held may come back later than these runs last."
    )
    return report.conclude(asked)


def _followed(name: str, plan: Plan, server: RedisServer) -> dict[str, float]:
    with ExitStack() as rest:
        fake = rest.enter_context(serving())
        folder = Path(rest.enter_context(tempfile.TemporaryDirectory()))
        env = _environment(name, plan, server, fake) | {SLOTS: str(folder / "slots")}
        app = make_app(env)
        workers = [_worker(env) for _ in range(3)]
        for worker in workers:
            rest.callback(worker.kill)
        workers[0].start()
        workers[1].start()
        _spoil(fake, plan)
        ids = [_enqueue(app, name, number) for number in range(len(plan.durations))]
        begun = time.time()
        time.sleep(plan.kill_at / plan.factor)
        workers[0].kill()
        workers[2].start()
        ends = dict(_ends(app, ids, plan))
        return _told(app, fake, plan, ends, begun, folder / "slots")


def _environment(
    name: str, plan: Plan, server: RedisServer, fake: RemoteFake
) -> dict[str, str]:
    fresh = server.fresh()
    pace = {f: getattr(PollSchedule(), f) for f in PollSchedule.__dataclass_fields__}
    jitter = pace.pop("jitter")
    watch = WatchPace()
    looks = {f: getattr(watch, f) for f in ("period", "grace", "polls_every")}
    env = environment(
        broker=fresh.broker,
        backend=fresh.backend,
        base_url=fake.url,
        schedule={f: s / plan.factor for f, s in pace.items()} | {"jitter": jitter},
        phanedge_api_key=fake.key,
        phanedge_max_wait=1800 / plan.factor,
        phanedge_watch_polls=name == "watch",
        broker_transport_options={"visibility_timeout": 3600 / plan.factor},
    )
    looks = {f: s / plan.factor for f, s in looks.items()}
    factor = {"PHANEDGE_BENCH_FACTOR": repr(plan.factor)}
    return env | factor | {"PHANEDGE_TEST_WATCH": json.dumps(looks)}


def _worker(env: dict[str, str]) -> WorkerProcess:
    return WorkerProcess(
        env, module="benchmarks.peer_loops", pool="threads", concurrency=THREADS
    )


def _spoil(fake: RemoteFake, plan: Plan) -> None:
    """Give each job its duration, two of them another end, and the queries two faults.

    The faults come when many jobs are asked for, each for whichever job it meets.
    """
    many = len(plan.durations)
    words: dict[int, Any] = {many // 3: "Failed", many // 2: "Fail"}
    for number, seconds in enumerate(plan.durations):
        ends = {"end": words.get(number, "Success")}
        timeline = Timeline.seconds(processing=seconds / plan.factor, **ends)
        fake.script(timeline, prompt=_prompt(number))
    fake.play("query_rate_limited", on="query", skip=many // 2)
    fake.fault(Fault(hang_up="reset"), on="query", skip=many)


def _prompt(number: int) -> str:
    return f"Cat number {number}."


def _enqueue(app: Celery, name: str, number: int) -> str:
    request = {"model": MODEL, "prompt": _prompt(number)}
    if name in ("message", "watch"):
        return str(enqueue_video(request, app=app).id)
    id = str(uuid4())
    if name == "retry":
        steps = [signature("bench.submit", [request], app=app)]
        steps.append(signature("bench.poll", app=app).set(task_id=id))
        chain(*steps, app=app).apply_async()
        return id
    return str(app.send_task(f"bench.{name}", [request], task_id=id).id)


def _ends(app: Celery, ids: Sequence[str], plan: Plan) -> Iterator[tuple[str, Any]]:
    """Yield each id once it has ended, with its meta, until nothing ends any more."""
    left, last = set(ids), time.monotonic()
    patience = max(plan.idle / plan.factor, 20)
    while left and time.monotonic() - last < patience:
        for id in sorted(left):
            if stored(app, id)[0] in states.READY_STATES:
                left.discard(id)
                last = time.monotonic()
                yield id, app.backend.get_task_meta(id)
        time.sleep(0.5)


def _told(
    app: Celery,
    fake: RemoteFake,
    plan: Plan,
    ends: dict[str, Any],
    begun: float,
    slots: Path,
) -> dict[str, float]:
    moments = dict(_vendor_ends(fake, plan))
    files = {job["file_id"]: job["job_id"] for job in fake.jobs}
    ended = {
        id: datetime.fromisoformat(_date(meta)).timestamp() for id, meta in ends.items()
    }
    known = {
        id: files[file_id]
        for id, meta in ends.items()
        if meta["status"] == states.SUCCESS and (file_id := _file_id(meta["result"]))
    }
    delays = [ended[id] - moments[job_id] for id, job_id in known.items()]
    told = sum(type(meta["result"]).__name__ in FAILED for meta in ends.values())
    held = [float(line) for line in slots.read_text().splitlines()]
    many = len(plan.durations)
    in_real = plan.factor
    return {
        "finished": len(known),
        "told": told,
        "lost": len(fake.posts) - len(known) - told,
        "waiting": many - len(fake.posts),
        "posts": len(fake.posts),
        "polls": fake.polls / many,
        "slots": in_real * sum(held) / many,
        "delay": in_real * median(delays) if delays else float("nan"),
        "worst": in_real * max(delays, default=float("nan")),
        "span": in_real * (max(ended.values(), default=begun) - begun),
    }


def _vendor_ends(fake: RemoteFake, plan: Plan) -> Iterator[tuple[str, float]]:
    """Yield each job with the moment at which the vendor had its result."""
    lasting = {_prompt(n): s / plan.factor for n, s in enumerate(plan.durations)}
    for entry in fake.log("create"):
        if entry.job_id:
            yield entry.job_id, entry.wall + lasting[entry.json["prompt"]]


def _date(meta: Any) -> str:
    found = meta["date_done"]
    return str(found if isinstance(found, str) else found.isoformat())


def _file_id(result: Any) -> str | None:
    return str(result["file_id"]) if isinstance(result, dict) else None


if __name__ == "__main__":
    sys.exit(main())
