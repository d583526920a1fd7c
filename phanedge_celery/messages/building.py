"""A message as Celery would send it, built from a request or from a call."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from celery import Celery, Task
from celery.app.task import Context
from kombu.exceptions import EncodeError
from kombu.transport.native_delayed_delivery import CELERY_DELAYED_DELIVERY_EXCHANGE
from kombu.utils.json import dumps

from ..errors import RequestInvalid
from .callbacks import CANVAS, name_callbacks, named
from .stamp import HEADER

_OF_ONE_SENDING: Final = {
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
_BITS_OF_DELAY: Final = 28
"""Words that native delayed delivery puts before a queue's own routing key."""


def received(task: Task[Any, Any], request: Context) -> dict[str, Any]:
    """Return the message that *request* came in, as Celery would send it again.

    Callbacks that have no id yet get one, in *request* too.
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
    given = dict(options)
    for kind in ("link", "link_error"):
        if given.get(kind):
            given[kind] = named(_list(given[kind]), given["task_id"], kind)
    return _message(task.name, args, kwargs, given)


def handed_over(
    message: Mapping[str, Any], to: str, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """Return *message* for the next step: another task, with the same options."""
    given = {name: value for name, value in kwargs.items() if value is not None}
    return _message(to, args, given, message["options"])


def with_travelled(message: Mapping[str, Any], request: Context) -> dict[str, Any]:
    """Return *message* with what was added to it on its first way, and came here.

    Tracers of all kinds put their context into the headers of a message as it is
    sent, after the ticket was written; a re-send by the watch should bring it, too.
    """
    options = message["options"]
    headers = {**_kept_headers(request.headers or {}), **options.get("headers", {})}
    if not headers:
        return dict(message)
    return _as_json({**message, "options": {**options, "headers": headers}})


def without_canvas(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return *message* for a job whose canvas has already been told the end."""
    options = {k: v for k, v in message["options"].items() if k not in CANVAS}
    return {**message, "options": options}


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
    if kept_headers := _kept_headers(kept.pop("headers", {})):
        kept["headers"] = kept_headers
    return _as_json(
        {"task": name, "args": list(args), "kwargs": dict(kwargs), "options": kept}
    )


def _kept_headers(headers: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in headers.items()
        if name not in (HEADER, "redelivered", "delivery_info", "properties")
    }


def _as_json(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return *message* as a ticket can hold it: dates and the like as Celery's JSON."""
    try:
        plain: dict[str, Any] = json.loads(dumps(message))
    except (EncodeError, TypeError, ValueError) as error:
        raise RequestInvalid(f"the task's message is no JSON: {error}") from error
    return plain


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]
