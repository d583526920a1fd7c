"""A broker in memory whose messages a test delivers by hand, one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from celery import Celery
from celery.worker.request import Request
from kombu.message import Message

from phanedge_celery.testing import FakePhanEdge
from phanedge_celery.testing.waits import AT_ONCE
from phanedge_celery.tickets import Ticket, TicketStore, store_for
from tests.apps.plain import make_app


@dataclass(frozen=True, kw_only=True)
class Hand:
    """An app, and the messages that wait in its queue."""

    app: Celery

    @property
    def store(self) -> TicketStore:
        return store_for(self.app)

    def ticket(self, id: str) -> Ticket:
        ticket = self.store.read(id)
        assert ticket is not None
        return ticket

    def take(self) -> Message | None:
        """Return the next message, None when there is none."""
        queue = str(self.app.conf.task_default_queue)
        with self.app.connection_for_read() as connection:
            channel: Any = connection.default_channel
            message: Message | None = channel.basic_get(queue, no_ack=True)
        return message

    def waiting(self) -> list[Message]:
        """Take all messages, and run none."""
        return list(iter(self.take, None))

    def deliver(self, message: Message) -> None:
        """Run the step that *message* is for; a countdown is not waited for."""
        Request(message, app=self.app, decoded=False, on_ack=_nothing).execute()

    def deliver_all(self, most: int = 50) -> int:
        """Run what is there and what comes of it; return how many steps that took."""
        for count in range(most):
            message = self.take()
            if message is None:
                return count
            self.deliver(message)
        raise AssertionError(f"still busy after {most} steps")


def _nothing(*_: Any, **__: Any) -> None:
    """Messages are taken without being held."""


def headers_of(message: Message) -> dict[str, Any]:
    """Return a message's own headers, to be read or changed."""
    headers: Any = message.headers
    assert isinstance(headers, dict)
    return headers


def stamp_of(message: Message) -> dict[str, Any]:
    return dict(headers_of(message)["phanedge"])


@contextmanager
def hand(fake: FakePhanEdge, **conf: Any) -> Iterator[Hand]:
    """Give an app of its own a queue, results and tickets in memory."""
    name = uuid4().hex
    app = make_app({"PHANEDGE_TEST_BASE_URL": fake.url})
    app.conf.update(
        {
            "task_default_queue": name,
            "phanedge_tickets": f"memory://{name}",
            "phanedge_api_key": fake.key,
            "phanedge_schedule": AT_ONCE,
            **conf,
        }
    )
    with app, app.connection_for_write() as connection:
        connection.SimpleQueue(name).close()
        app.set_current()
        yield Hand(app=app)
