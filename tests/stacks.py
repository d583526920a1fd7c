"""Whole stacks: a broker, results, a worker and a fake, each started once a session."""

from __future__ import annotations

import gc
import json
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest
from celery import Celery, signature
from celery.app import app_or_default
from celery.canvas import Signature
from celery.result import AsyncResult

from phanedge_celery import video_progress
from phanedge_celery.testing import FakePhanEdge
from phanedge_celery.testing.timelines import Step
from phanedge_celery.tickets import Stage, Ticket, store_for
from tests.apps.plain import environment, make_app, recorded
from tests.workers import WorkerProcess, wait_for

QUICK: Final = {
    "first": 0.1,
    "every": 0.05,
    "jitter": 0,
    "retry_first": 0.05,
    "retry_max": 0.1,
    "limited_first": 0.05,
    "patience": 1,
}
"""A schedule for brokers that take waits below a second."""

WHOLE_SECONDS: Final = {**QUICK, "first": 1, "every": 1, "retry_first": 1}
"""And one for quorum queues."""

WATCH: Final = {
    "period": 0.3,
    "grace": 120,
    "turn": 0.5,
    "rest": 0.05,
    "turn_lease": 5,
    "claim": 5,
    "patience": 4,
}
"""A watch that asks nearly as quickly as messages would, and never sends again."""

ONE_NAME: Final = "phanedge_tests"
QUORUM: Final = {
    "task_default_queue": ONE_NAME,
    "task_default_exchange": ONE_NAME,
    "task_default_routing_key": ONE_NAME,
    "task_default_queue_type": "quorum",
    "task_default_exchange_type": "topic",
    "broker_native_delayed_delivery_queue_type": "quorum",
}


@dataclass(frozen=True, kw_only=True)
class Kind:
    """How a stack is made."""

    broker: str
    """The name of a server fixture; ``sqlite`` needs none."""
    pool: str = "prefork"
    concurrency: int = 3
    schedule: Mapping[str, float] = field(default_factory=lambda: QUICK)
    conf: Mapping[str, Any] = field(default_factory=dict)
    watch: Mapping[str, float] = field(default_factory=dict)
    """Fields of `schedule.WatchPace`."""

    @property
    def module(self) -> str:
        return "tests.apps.watched" if self.watch else "tests.apps.plain"


KINDS: Final = {
    "sqlite": Kind(broker="sqlite"),
    "redis": Kind(broker="redis"),
    "redis-threads": Kind(broker="redis", pool="threads", concurrency=10),
    "redis-watch": Kind(
        broker="redis",
        pool="threads",
        concurrency=10,
        conf={"phanedge_watch_polls": True},
        watch=WATCH,
    ),
    "rabbitmq": Kind(broker="rabbitmq"),
    "rabbitmq-threads": Kind(broker="rabbitmq", pool="threads"),
    "quorum": Kind(broker="rabbitmq", schedule=WHOLE_SECONDS, conf=QUORUM),
    "quorum-threads": Kind(
        broker="rabbitmq", pool="threads", schedule=WHOLE_SECONDS, conf=QUORUM
    ),
}
BROKERS: Final = ("sqlite", "redis", "rabbitmq", "quorum")
WAYS: Final = ("redis-threads", "redis-watch")
"""Jobs wait as messages, or they have none and the watch asks for them."""


@dataclass(kw_only=True)
class Stack:
    """One of each, as a web process and a test see them."""

    name: str
    app: Celery
    """The producer's; the worker has its own, in another process."""
    env: Mapping[str, str]
    fake: FakePhanEdge
    worker: WorkerProcess
    record: Path

    @property
    def watched(self) -> bool:
        """Does the watch ask? An end that it meets is asked for again, by the job."""
        return bool(self.app.conf.get("phanedge_watch_polls"))

    def request(self, *steps: Step, **fields: Any) -> dict[str, Any]:
        """Return a request of its own kind, whose job tells *steps*."""
        prompt = f"A cat, {uuid4().hex[:8]}."
        if steps:
            self.fake.script(*steps, prompt=prompt)
        return {"model": "MiniMax-Hailuo-02", "prompt": prompt, **fields}

    def posts_of(self, request: Mapping[str, Any]) -> int:
        return self.fake.posts_by("prompt").get(request["prompt"], 0)

    def s(self, name: str, *args: Any, **kwargs: Any) -> Signature:
        """Return a signature of a task of ours (``submit_video``) or ``tests.…``."""
        full = name if "." in name else f"phanedge.{name}"
        return signature(full, args, kwargs, app=self.app)

    def result(self, id: str) -> AsyncResult[Any]:
        return self.app.AsyncResult(id)

    def told(self, id: str) -> tuple[str, Any]:
        """Return state and result as they lie in the result backend."""
        meta: Any = self.app.backend.get_task_meta(id)
        return meta["status"], meta["result"]

    def state(self, id: str) -> str:
        """Return Celery's word, as the result backend has it."""
        return str(self.result(id).state)

    def progress(self, id: str) -> dict[str, Any]:
        return video_progress(id, app=self.app)

    def ticket(self, id: str) -> Ticket:
        ticket = store_for(self.app).read(id)
        assert ticket is not None, f"no ticket {id}"
        return ticket

    def ended(self, id: str, timeout: float = 30) -> dict[str, Any]:
        """Wait until the job's ticket has ended and been told; return its progress."""

        def look() -> dict[str, Any] | None:
            shown = self.progress(id)
            return shown if shown["stage"] in ("done", "failed", "cancelled") else None

        found = wait_for(look, timeout, what=lambda: f"end of {self.progress(id)}")
        assert found is not None
        return found

    def trouble(self, id: str, timeout: float = 20) -> dict[str, Any]:
        """Wait until the job waits trouble out; return the error that is shown."""
        wait_for(lambda: self.progress(id)["error"], timeout, every=0.01)
        found: dict[str, Any] = self.progress(id)["error"] or {}
        return found

    def stage(self, id: str, stage: str, timeout: float = 20) -> dict[str, Any]:
        """Wait until the job is in *stage*; return its progress."""
        wait_for(
            lambda: self.progress(id)["stage"] == stage,
            timeout,
            every=0.01,
            what=lambda: f"{stage}, not {self.progress(id)}",
        )
        return self.progress(id)

    def fake_asked(self, endpoint: str, job_id: str, count: int) -> None:
        """Wait until so many requests about a job have come, answered or not."""

        def asked() -> bool:
            log = self.fake.log(endpoint)
            return sum(request.job_id == job_id for request in log) >= count

        wait_for(asked, 20, what=f"{count} requests about {job_id}")

    def recorded(self, label: str) -> list[dict[str, Any]]:
        return recorded(self.record, label)

    @contextmanager
    def current(self) -> Iterator[None]:
        """Let `submit_video.s(…)` and the like mean this stack's app."""
        before = app_or_default()
        self.app.set_current()
        try:
            yield
        finally:
            before.set_current()


class Stacks:
    """Starts each stack at its first use."""

    def __init__(self, server_url: Callable[[str], str]) -> None:
        self._server_url = server_url
        self._running: dict[str, Stack] = {}
        self._exit = ExitStack()

    def get(self, name: str) -> Stack:
        if name not in self._running:
            self._running[name] = self._start(name, KINDS[name])
        return self._running[name]

    def close(self) -> None:
        self._running.clear()
        self._exit.close()

    def _start(self, name: str, kind: Kind) -> Stack:
        enter = self._exit.enter_context
        folder = Path(enter(tempfile.TemporaryDirectory(prefix="phanedge-")))
        fake = enter(FakePhanEdge())
        broker, backend = self._addresses(kind, folder)
        env = environment(
            broker=broker,
            backend=backend,
            base_url=fake.url,
            schedule=kind.schedule,
            record=folder / "record.jsonl",
            phanedge_api_key=fake.key,
            phanedge_timeout=[2, 0.6],
            **kind.conf,
        ) | {"PHANEDGE_TEST_WATCH": json.dumps(kind.watch)}
        worker = enter(
            WorkerProcess(
                env, module=kind.module, pool=kind.pool, concurrency=kind.concurrency
            )
        )
        self._exit.callback(worker.kill)  # nobody waits for what it would finish
        return Stack(
            name=name,
            app=enter(producer(env)),
            env=env,
            fake=fake,
            worker=worker,
            record=folder / "record.jsonl",
        )

    def _addresses(self, kind: Kind, folder: Path) -> tuple[str, str]:
        if kind.broker == "sqlite":
            at = f"sqlite:///{folder}"
            return f"sqla+{at}/broker.db", f"db+{at}/results.db"
        return self._server_url(kind.broker), self._server_url("redis")


def ticket_in(app: Celery, id: str, *stages: Stage) -> Ticket:
    """Wait until the job is in one of *stages*; return its ticket."""

    def there() -> Ticket | None:
        ticket = store_for(app).read(id)
        return ticket if ticket and ticket.stage in stages else None

    found = wait_for(there, 40, what=lambda: f"{store_for(app).read(id)}")
    assert found is not None
    return found


@contextmanager
def producer(env: Mapping[str, str]) -> Iterator[Celery]:
    """Make the app of a process that only enqueues, and let go of its connections."""
    with make_app(env) as app:
        if app.conf.broker_url.startswith("sqla+"):
            _map_queues(app)
        yield app
        _forget_results(app)


def _forget_results(app: Celery) -> None:
    """Let results end without unsubscribing: no server would answer any more."""
    things: list[Any] = gc.get_objects()
    for thing in things:
        # Not isinstance, which would wake what others have left asleep.
        if issubclass(type(thing), AsyncResult) and thing.app is app:
            vars(thing)["backend"] = None


def _map_queues(app: Celery) -> None:
    """Let kombu ask SQLAlchemy 2.1 for what that will drop one day, and warn of it."""
    with warnings.catch_warnings(), app.connection_for_write() as connection:
        warnings.filterwarnings("ignore", "The ``noload`` loader strategy")
        connection.SimpleQueue("unused").close()


@pytest.fixture(scope="session")
def stacks(request: pytest.FixtureRequest) -> Iterator[Stacks]:
    """All stacks; none runs until a test asks for it."""

    def server_url(kind: str) -> str:
        url: str = request.getfixturevalue(f"{kind}_server").fresh_url()
        # Whoever is started later is stopped earlier: a stack before its servers.
        request.session.addfinalizer(running.close)
        return url

    running = Stacks(server_url)
    yield running
    running.close()


def started(stacks: Stacks, name: str) -> Iterator[Stack]:
    """Yield the stack *name*, whose app is the current one meanwhile."""
    stack = stacks.get(name)
    with stack.current():
        yield stack


@pytest.fixture(params=BROKERS)
def stack(request: pytest.FixtureRequest, stacks: Stacks) -> Iterator[Stack]:
    """A stack; the test runs once for each broker."""
    yield from started(stacks, request.param)


@pytest.fixture(params=WAYS)
def each_way(request: pytest.FixtureRequest, stacks: Stacks) -> Iterator[Stack]:
    """The quickest one; the test runs once for each way of waiting."""
    yield from started(stacks, request.param)


@pytest.fixture
def redis_stack(stacks: Stacks) -> Iterator[Stack]:
    """The quickest one, for what no broker makes a difference to."""
    yield from started(stacks, "redis-threads")
