"""A room where the real steps run one call at a time, each call for a test to decide.

Every process is a thread that stops before each call to broker, results, tickets and
service; the test says which one goes on, and what becomes of its call (`Fate`).
"""

from __future__ import annotations

import base64
import json
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from typing import Any

import kombu.transport
from celery import Celery
from celery.app.trace import trace_task_ret
from celery.backends.base import KeyValueStoreBackend
from celery.exceptions import Reject
from kombu.transport import virtual

from phanedge_celery.answers import NoReply, read_create, read_file, read_query
from phanedge_celery.client import Client, shared
from phanedge_celery.models import Submission
from phanedge_celery.settings import settings_for
from phanedge_celery.testing import FakePhanEdge
from phanedge_celery.tickets import Ticket, TicketStoreUnavailable, opening
from phanedge_celery.tickets.memory import MemoryTickets
from tests.apps.plain import make_app


class Fate(Enum):
    """What becomes of a call."""

    GOES = "goes"
    DIES_BEFORE = "dies before"
    DIES_AFTER = "dies after"
    FAILS = "fails"
    LOST = "is carried out, and its answer lost"


class Killed(BaseException):
    """SIGKILL, as far as a thread can have it."""


class Away(OSError):
    """Broker or result backend cannot be reached."""


@dataclass
class Message:
    """One message with the broker, or with the process that has not yet acked it."""

    task: str
    id: str
    version: int
    raw: Mapping[str, Any] = field(repr=False)
    label: str = ""
    """Of a callback."""


class Process:
    """One delivery of a message, in a thread of its own."""

    def __init__(self, room: Room, name: str, act: Callable[[], Any]) -> None:
        self.room = room
        self.name = name
        self.message: Message | None = None
        self.where = "the beginning"
        self.calls = 0
        self.dead = self.over = False
        self.answer: Any = None
        self.accepted: str | None = None
        self._act = act
        self._fate = Fate.GOES
        self._go = threading.Semaphore(0)
        self._stopped = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._live, name=name, daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        return f"<{self.name} before {self.where}>"

    def go(self, fate: Fate = Fate.GOES) -> None:
        """Carry on to the next call, whose outcome is not yet decided, or to the end.

        *fate* is that of the call before which it stands now.
        """
        self._fate = fate
        self._go.release()
        assert self._stopped.acquire(timeout=20), f"{self} hangs"
        if self.over:
            self._thread.join()
            self.room.left(self)

    def run(self) -> None:
        while not self.over:
            self.go()

    def call(
        self, where: str, act: Callable[[], Any], failed: Callable[[], Any]
    ) -> Any:
        """Make one call, in the process's own thread."""
        self.where = where
        self.calls += 1
        fate = self._wait()
        if fate is not Fate.GOES and self.message:
            self.room.harm.append((self.message.id, where, fate))
        if fate is Fate.DIES_BEFORE:
            self._die()
        if fate is Fate.FAILS:
            return failed()
        done = act()
        if fate is Fate.LOST:
            return failed()
        if fate is Fate.DIES_AFTER:
            self._die()
        return done

    def _wait(self) -> Fate:
        self._stopped.release()
        self._go.acquire()
        return self._fate

    def _die(self) -> None:
        self.dead = True
        raise Killed(self.where)

    def _live(self) -> None:
        self._go.acquire()
        _here.process = self
        try:
            self.answer = self._act()
        except Killed:
            pass
        finally:
            self.over = True
            self._stopped.release()


_here = threading.local()


def passing(where: str, act: Callable[[], Any], failed: Callable[[], Any]) -> Any:
    """Make a call: at once, unless it is a process of a room that makes it."""
    process = getattr(_here, "process", None)
    if process is None or process.dead:
        return act()
    return process.call(where, act, failed)


def raising(error: Exception) -> Callable[[], Any]:
    def failed() -> Any:
        raise error

    return failed


class Room:
    """Broker, results, tickets, service, and the processes at work."""

    def __init__(self, fake: FakePhanEdge) -> None:
        self.fake = fake
        self.app = _app()
        self.queue: list[Message] = []
        self.callbacks: list[Message] = []
        """What the canvas was sent."""
        self.processes: list[Process] = []
        self.harm: list[tuple[str, str, Fate]] = []
        """The calls that did not go well: id, where, how."""
        self.accepted: dict[str, str] = {}
        """Celery ids whose submission was answered, to a process that lived on."""
        self.tickets = MemoryTickets()
        self.app.conf.phanedge_base_url = fake.url
        self.app.conf.phanedge_api_key = fake.key
        kept_by(self.app).clear()
        settings = settings_for(self.app)
        key = (os.getpid(), TICKETS, settings.remember)
        opening._opened[key] = Store(self.tickets)  # type: ignore[assignment]
        client = shared.client_for(settings)
        for made, found in shared._clients.items():
            if found is client and not isinstance(found, Service):
                shared._clients[made] = Service(client)  # type: ignore[assignment]
        _open[:] = [self]

    # What the test does.

    def deliver(self, message: Message) -> Process:
        """Give *message* to a process, which does nothing yet."""
        self.queue.remove(message)
        process = Process(
            self, f"{message.task} v{message.version}", lambda: self._trace(message)
        )
        process.message = message
        self.processes.append(process)
        return process

    def watch(self) -> None:
        """Publish the watch, to which every lease is over."""
        self.app.send_task("phanedge.watch", ignore_result=True)

    def settle(self, rounds: int = 60) -> None:
        """Let everything go well until nothing is left to do."""
        for _ in range(rounds):
            for process in list(self.processes):
                process.run()
            while self.queue:
                self.deliver(self.queue[0]).run()
            if all(ticket.next_at is None for ticket in self.tickets.jobs()):
                return
            self.watch()
        raise AssertionError(f"not settled: {list(self.tickets.jobs())}")

    def ticket(self, id: str) -> Ticket:
        ticket = self.tickets.read(id)
        assert ticket is not None
        return ticket

    def live(self, id: str) -> set[int]:
        """Return the versions for which a message of *id* may still speak."""
        held = [p.message for p in self.processes if p.message]
        version = self.ticket(id).version
        return {
            message.version
            for message in (*self.queue, *held)
            if message.id == id and message.version >= version
        }

    # What happens in it.

    def put(self, raw: Mapping[str, Any]) -> None:
        headers = raw["headers"]
        stamp = headers.get("phanedge") or {}
        version = stamp.get("version") or 1
        label = str(json.loads(base64.b64decode(raw["body"]))[1].get("label", ""))
        message = Message(headers["task"], headers["id"], version, raw, label)
        ours = message.task.startswith("phanedge.")
        (self.queue if ours else self.callbacks).append(message)

    def left(self, process: Process) -> None:
        self.processes.remove(process)
        message = process.message
        if message is None:
            return
        rejected = isinstance(_raised(process.answer), Reject)
        if process.accepted and not process.dead:
            self.accepted[message.id] = process.accepted
        if (process.dead or rejected) and message.task != "phanedge.watch":
            self.queue.append(message)

    def _trace(self, message: Message) -> Any:
        raw = message.raw
        request = dict(raw["headers"])
        request["delivery_info"] = {"exchange": "", "routing_key": "celery"}
        return trace_task_ret(
            message.task,
            message.id,
            request,
            base64.b64decode(raw["body"]),
            raw["content-type"],
            raw["content-encoding"],
            app=self.app,
        )


def _raised(answer: Any) -> Any:
    failed, info = (answer or (0, None))[:2]
    return getattr(info, "exception", None) if failed else None


_open: list[Room] = []
"""The one room that is in use."""

TICKETS = "memory://room"


@lru_cache(maxsize=1)
def _app() -> Celery:
    """Return the app of all rooms: to make one takes as long as a job."""
    app = make_app(
        {
            "PHANEDGE_TEST_BROKER": "room://",
            "PHANEDGE_TEST_BACKEND": f"{__name__}:Results",
        }
    )
    app.conf.update(
        phanedge_tickets=TICKETS,
        task_publish_retry=False,
        result_backend_thread_safe=True,
        phanedge_schedule={"retry_first": 0.001, "retry_max": 0.001},
    )
    return app


class Channel(virtual.Channel):
    """A channel whose messages lie in the room."""

    def _put(self, queue: str, message: Mapping[str, Any], **_: Any) -> None:
        passing("broker", lambda: _open[0].put(message), raising(Away("broker")))

    def _size(self, queue: str) -> int:
        return 0

    def _has_queue(self, queue: str, **_: Any) -> bool:
        return True


class Transport(virtual.Transport):
    """Connects at once, or not at all."""

    Channel = Channel
    driver_type = driver_name = "room"
    connection_errors = (Away,)
    channel_errors = ()

    def driver_version(self) -> str:
        return "1"

    def establish_connection(self) -> Any:
        made = super().establish_connection
        return passing("broker", made, raising(Away("broker")))


kombu.transport.TRANSPORT_ALIASES["room"] = f"{__name__}:Transport"


class Results(KeyValueStoreBackend):
    """A result backend in a dict."""

    def __init__(self, app: Celery, **options: Any) -> None:
        super().__init__(app, **options)
        self.kept: dict[Any, Any] = {}

    def get(self, key: Any) -> Any:
        return passing("result", lambda: self.kept.get(key), raising(Away("results")))

    def set(self, key: Any, value: Any) -> None:
        kept = self.kept
        passing("show", lambda: kept.__setitem__(key, value), raising(Away("results")))

    def mget(self, keys: Any) -> list[Any]:
        return [self.get(key) for key in keys]

    def delete(self, key: Any) -> None:
        self.kept.pop(key, None)


def kept_by(app: Celery) -> dict[Any, Any]:
    backend: Any = app.backend
    assert isinstance(backend, Results)
    return backend.kept


class Store:
    """Tickets that every process comes to by a call."""

    def __init__(self, tickets: MemoryTickets) -> None:
        self._tickets = tickets

    def overdue(self, before: float, limit: int) -> Any:
        return self._ask("overdue", before + 10**6, limit)

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: self._ask(name, *args, **kwargs)

    def _ask(self, name: str, *args: Any, **kwargs: Any) -> Any:
        stage = kwargs.get("stage")
        where = f"{name} {stage}" if stage else name
        act = getattr(self._tickets, name)
        away = raising(TicketStoreUnavailable("away"))
        return passing(where, lambda: act(*args, **kwargs), away)


class Service:
    """The real client, by a call; a call that fails has no answer."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def submit(self, wire: Any) -> Any:
        lost = lambda: read_create(NoReply(sent=True, reason="lost"))  # noqa: E731
        answer = passing("POST", lambda: self._client.submit(wire), lost)
        process = getattr(_here, "process", None)
        if process is not None and isinstance(answer, Submission):
            process.accepted = answer.job_id
        return answer

    def query(self, job_id: str) -> Any:
        lost = lambda: read_query(NoReply(sent=True, reason="lost"), job_id)  # noqa: E731
        return passing("query", lambda: self._client.query(job_id), lost)

    def retrieve(self, file_id: str, job_id: str | None) -> Any:
        lost = lambda: read_file(  # noqa: E731
            NoReply(sent=True, reason="lost"), file_id, job_id
        )
        return passing("retrieve", lambda: self._client.retrieve(file_id, job_id), lost)
