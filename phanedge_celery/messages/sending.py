"""Sending a job's next message, with the version of that moment on it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from celery import Celery
from celery.canvas import Signature

from .. import schedule
from ..events import say
from ..schedule import countdown
from ..tickets import Ticket, TicketStore
from .stamp import HEADER, Stamp, stamp_for


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
    except Exception as error:  # noqa: BLE001 - each broker has its own library's
        say("unsent", ticket, type(error).__name__)
        return False
    return True


def resend(app: Celery, store: TicketStore, ticket: Ticket, **delivery: Any) -> bool:
    """Send the message of *ticket* again, unless somebody has just done so.

    It is touched first, for longer each time, so that a long queue makes no storm.
    False when the broker is away.
    """
    look = time.time() + schedule.WATCH.next_look(ticket.resends)
    if not store.touch(ticket.id, ticket.version, look):
        return True
    say("resent", ticket)
    return send_next(app, ticket, **delivery)


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


def _countdown(app: Celery, after: float) -> float:
    """Return a countdown that the broker takes: quorum queues want whole seconds."""
    wait = countdown(after)
    if 0 < wait < 1 and _driver(app) == "amqp":
        return 1
    return wait


def _driver(app: Celery) -> str:
    return str(app.producer_pool.connections.connection.transport.driver_type)
