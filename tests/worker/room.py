"""A room where the real steps run one call at a time, each call for a test to decide.

Every process is a thread that stops before each call to broker, results, tickets and
service (`doors`); the test says which one goes on, and what becomes of its call
(`Fate`).
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from celery import Celery
from celery.app.trace import trace_task_ret
from celery.exceptions import Reject

from phanedge_celery.client import shared
from phanedge_celery.settings import settings_for
from phanedge_celery.testing import FakePhanEdge
from phanedge_celery.tickets import Ticket, opening
from tests.apps.plain import make_app
from tests.worker import doors
from tests.worker.deliveries import Message, Process
from tests.worker.noting import NotingTickets


class Room:
    """Broker, results, tickets, service, and the processes at work."""

    def __init__(self, fake: FakePhanEdge) -> None:
        self.fake = fake
        self.app = _app()
        self.queue: list[Message] = []
        self.callbacks: list[Message] = []
        """What the canvas was sent."""
        self.processes: list[Process] = []
        self.accepted: dict[str, str] = {}
        """Celery ids whose submission was answered, to a process that lived on."""
        self.tickets = NotingTickets()
        self.app.conf.phanedge_base_url = fake.url
        self.app.conf.phanedge_api_key = fake.key
        doors.kept_by(self.app).clear()
        settings = settings_for(self.app)
        key = (os.getpid(), TICKETS, settings.remember)
        opening._opened[key] = doors.Store(self.tickets)  # type: ignore[assignment]
        client = shared.client_for(settings)
        for made, found in shared._clients.items():
            if found is client and not isinstance(found, doors.Service):
                shared._clients[made] = doors.Service(client)  # type: ignore[assignment]
        doors.receivers[:] = [self._put]

    # What the test does.

    def deliver(self, message: Message) -> Process:
        """Give *message* to a process, which does nothing yet."""
        self.queue.remove(message)
        process = Process(message, lambda: self._trace(message), self._left)
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
        held = [p.message for p in self.processes]
        version = self.ticket(id).version
        return {
            message.version
            for message in (*self.queue, *held)
            if message.id == id and message.version >= version
        }

    # What happens in it.

    def _put(self, raw: Mapping[str, Any]) -> None:
        headers = raw["headers"]
        stamp = headers.get("phanedge") or {}
        version = stamp.get("version") or 1
        label = str(json.loads(base64.b64decode(raw["body"]))[1].get("label", ""))
        message = Message(headers["task"], headers["id"], version, raw, label)
        ours = message.task.startswith("phanedge.")
        (self.queue if ours else self.callbacks).append(message)

    def _left(self, process: Process) -> None:
        self.processes.remove(process)
        message = process.message
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


TICKETS = "memory://room"


@lru_cache(maxsize=1)
def _app() -> Celery:
    """Return the app of all rooms: to make one takes as long as a job."""
    app = make_app(
        {
            "PHANEDGE_TEST_BROKER": "room://",
            "PHANEDGE_TEST_BACKEND": f"{doors.__name__}:Results",
        }
    )
    app.conf.update(
        phanedge_tickets=TICKETS,
        task_publish_retry=False,
        result_backend_thread_safe=True,
        phanedge_schedule={"retry_first": 0.001, "retry_max": 0.001},
    )
    return app
