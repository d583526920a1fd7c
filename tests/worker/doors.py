"""The doors of a room: broker, results, tickets and service, each come to by a call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import kombu.transport
from celery import Celery
from celery.backends.base import KeyValueStoreBackend
from kombu.transport import virtual

from phanedge_celery.answers import NoReply, read_create, read_file, read_query
from phanedge_celery.client import Client
from phanedge_celery.models import Submission
from phanedge_celery.tickets import TicketStoreUnavailable
from phanedge_celery.tickets.memory import MemoryTickets
from tests.worker.deliveries import here, passing, raising


class Away(OSError):
    """Broker or result backend cannot be reached."""


receivers: list[Callable[[Mapping[str, Any]], None]] = []
"""Of what is published: the one room that is in use."""


class Channel(virtual.Channel):
    """A channel whose messages lie in the room."""

    def _put(self, queue: str, message: Mapping[str, Any], **_: Any) -> None:
        passing("broker", lambda: receivers[0](message), raising(Away("broker")))

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
        process = getattr(here, "process", None)
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
