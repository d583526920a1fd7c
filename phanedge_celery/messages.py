"""A job's next message: built from a request, stored, stamped with a version, sent."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from celery import Celery, Task
from celery.app.task import Context
from celery.canvas import Signature
from kombu.exceptions import EncodeError, OperationalError
from kombu.transport.native_delayed_delivery import CELERY_DELAYED_DELIVERY_EXCHANGE
from kombu.utils.json import dumps

from . import schedule
from .errors import RequestInvalid
from .events import say
from .schedule import MAX_COUNTDOWN, countdown
from .tickets import Ticket, TicketStore

HEADER = "phanedge"
FORMAT = 1
"""The version of the stamp's shape; a message with a higher one is passed on."""

CANVAS = ("link", "link_error", "chain", "chord", "group_id", "group_index")
_OF_ONE_SENDING = {
    "add_to_parent",
    "connection",
    "countdown",
    "eta",
    "expires",
    "origin",
    "producer",
    "publisher",
    "redelivered",
    "retry",
    "retry_policy",
}
_BITS_OF_DELAY = 28
"""Words that native delayed delivery puts before a queue's own routing key."""


class MessageUnreadable(Exception):
    """A newer version of this package stamped the message; it is passed on as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What moves from message to message: the version, and a mirror of the ticket."""

    version: int | None
    """The ticket's, None while there has been none."""
    job_id: str | None = None
    deadline: float | None = None
    polls: int | None = None
    save_to: str | None = None
    due: float | None = None
    """When this wait is over, if it takes more than one message."""
    rounds: int | None = None
    """How often it went round while the ticket store was away."""
    format: int = FORMAT
    unknown: Mapping[str, Any] = field(default_factory=dict)
    """What a newer version has stamped, to be passed on."""

    @classmethod
    def of(cls, headers: Mapping[str, Any] | None) -> Stamp | None:
        """Return the stamp of a message, None for one sent by a canvas or by name."""
        found = (headers or {}).get(HEADER)
        if not isinstance(found, Mapping):
            return None
        known = {k: found[k] for k in _STAMPED if k in found}
        unknown = {k: v for k, v in found.items() if k not in known}
        return cls(**{"version": None, **known}, unknown=unknown)

    def header(self) -> dict[str, Any]:
        known = {k: v for k in _STAMPED if (v := getattr(self, k)) is not None}
        return {**self.unknown, **known}


_STAMPED = tuple(name for name in Stamp.__dataclass_fields__ if name != "unknown")


def received(task: Task[Any, Any], request: Context) -> dict[str, Any]:
    """Return the message that *request* came in, as Celery would send it again.

    Callbacks that have no id yet get one for good, in *request* too: Celery gives
    an id-less callback a new one at each sending, and a linked paid job would be
    bought once for each.
    """
    name_callbacks(request)
    options = dict(task.signature_from_request(request).options)
    limits = {"time_limit": task.time_limit, "soft_time_limit": task.soft_time_limit}
    if all(options.get(name) == limit for name, limit in limits.items()):
        options = {k: v for k, v in options.items() if k not in limits}
    if queue := _queue_of(task.app, options):
        options |= {"queue": queue, "exchange": None, "routing_key": None}
    return _message(task.name, request.args or (), request.kwargs or {}, options)


def first(
    task: Task[Any, Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    options: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the first message of a job, from the caller's ``apply_async`` options."""
    named = dict(options)
    for kind in ("link", "link_error"):
        if named.get(kind):
            named[kind] = _named(_list(named[kind]), named["task_id"], kind)
    return _message(task.name, args, kwargs, named)


def handed_over(
    message: Mapping[str, Any], to: str, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """Return *message* for the next step: another task, with the same options."""
    given = {name: value for name, value in kwargs.items() if value is not None}
    return _message(to, args, given, message["options"])


def without_canvas(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return *message* for a job whose canvas has already been told the end."""
    options = {k: v for k, v in message["options"].items() if k not in CANVAS}
    return {**message, "options": options}


def has_canvas(message: Mapping[str, Any] | None) -> bool:
    return any(message["options"].get(name) for name in CANVAS) if message else False


def stamp_for(ticket: Ticket, due: float | None = None) -> Stamp:
    """Return the stamp that lets a message speak for this ticket's version."""
    far = due is not None and due - time.time() > MAX_COUNTDOWN
    return Stamp(
        version=ticket.version,
        job_id=ticket.job_id,
        deadline=ticket.deadline,
        polls=ticket.polls or None,
        save_to=ticket.save_to,
        due=due if far else None,
    )


def send_next(
    app: Celery, ticket: Ticket, *, due: float | None = None, **delivery: Any
) -> bool:
    """Send the message of *ticket*, now or when *due*; say whether the broker took it.

    A broker that is away is no error: the ticket knows, and the watch sends it.
    """
    if ticket.message is None:
        return False
    after = max(due - time.time(), 0) if due else 0
    try:
        send(app, ticket.message, stamp_for(ticket, due), after=after, **delivery)
    except (OperationalError, OSError) as error:
        say("unsent", ticket, type(error).__name__)
        return False
    return True


def resend(app: Celery, store: TicketStore, ticket: Ticket) -> bool:
    """Send the message of *ticket* again, unless somebody has just done so.

    It is touched first, for longer each time, so that a long queue makes no storm.
    """
    look = time.time() + schedule.WATCH.next_look(ticket.resends)
    if not store.touch(ticket.id, ticket.version, look):
        return False
    say("resent", ticket)
    return send_next(app, ticket)


def send(
    app: Celery,
    message: Mapping[str, Any],
    stamp: Stamp,
    *,
    after: float = 0,
    **delivery: Any,
) -> None:
    """Send *message* under *stamp*, to arrive *after* seconds or later.

    Raises what the broker's library raises.
    """
    options = message["options"]
    headers: dict[str, Any] = {**options.get("headers", {}), HEADER: stamp.header()}
    if wait := _countdown(app, after):
        delivery["countdown"] = wait
    sent: Any = Signature.from_dict(dict(message), app=app).apply_async(
        headers=headers,
        parent_id=options.get("parent_id") or options["task_id"],
        add_to_parent=False,
        **delivery,
    )
    # The end of this result would stop whoever waits for the id in this process.
    sent.backend = None


def _queue_of(app: Celery, options: Mapping[str, Any]) -> str | None:
    """Return the queue that a message came through, if an exchange led to it."""
    exchange, key = options.get("exchange"), options.get("routing_key") or ""
    delayed = exchange == CELERY_DELAYED_DELIVERY_EXCHANGE
    if delayed:
        key = key.split(".", _BITS_OF_DELAY)[-1]
    for name, queue in app.amqp.queues.items():
        if queue.routing_key == key and (delayed or queue.exchange.name == exchange):
            return str(name)
    return None


def _countdown(app: Celery, after: float) -> float:
    """Return a countdown that the broker takes: quorum queues want whole seconds."""
    wait = countdown(after)
    if 0 < wait < 1 and _driver(app) == "amqp":
        return 1
    return wait


def _driver(app: Celery) -> str:
    return str(app.producer_pool.connections.connection.transport.driver_type)


def _message(
    name: str,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    options: Mapping[str, Any],
) -> dict[str, Any]:
    kept = {
        name: value
        for name, value in options.items()
        if value not in (None, [], {}) and name not in _OF_ONE_SENDING
    }
    headers = kept.pop("headers", {})
    kept_headers = {
        name: value
        for name, value in headers.items()
        if name not in (HEADER, "redelivered", "delivery_info", "properties")
    }
    if kept_headers:
        kept["headers"] = kept_headers
    return _as_json(
        {"task": name, "args": list(args), "kwargs": dict(kwargs), "options": kept}
    )


def _as_json(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return *message* as a ticket can hold it: dates and the like as Celery's JSON."""
    try:
        plain: dict[str, Any] = json.loads(dumps(message))
    except (EncodeError, TypeError, ValueError) as error:
        raise RequestInvalid(f"the task's message is no JSON: {error}") from error
    return plain


def name_callbacks(request: Context) -> None:
    if request.callbacks:
        request.callbacks = _named(request.callbacks, str(request.id), "link")
    if request.errbacks:
        request.errbacks = _named(request.errbacks, str(request.id), "link_error")


def _named(signatures: Iterable[Any], id: str, kind: str) -> list[Any]:
    return [
        _with_id(dict(signature), id, f"{kind}/{index}")
        for index, signature in enumerate(signatures)
    ]


def _with_id(signature: dict[str, Any], id: str, path: str) -> dict[str, Any]:
    """Give a signature, and all that it is made of, an id that never changes."""
    kwargs = dict(signature.get("kwargs") or {})
    for part in ("tasks", "header"):
        if isinstance(kwargs.get(part), (list, tuple)):
            kwargs[part] = _named(kwargs[part], id, f"{path}/{part}")
        elif isinstance(kwargs.get(part), Mapping):
            kwargs[part] = _with_id(dict(kwargs[part]), id, f"{path}/{part}")
    if isinstance(kwargs.get("body"), Mapping):
        kwargs["body"] = _with_id(dict(kwargs["body"]), id, f"{path}/body")
    own = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{HEADER}:{id}/{path}"))
    options = {"task_id": own, **(signature.get("options") or {})}
    return {**signature, "kwargs": kwargs, "options": options}


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]
