"""Whether somebody works on our queue, and knows what to do with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from celery import Celery

from .finding import Finding, found
from .looking import snapshot_of

PATIENCE: Final = 1.0
"""Seconds that workers have for an answer, as in `celery inspect`."""


def workers(app: Celery) -> Iterator[Finding]:
    snapshot = snapshot_of(app)
    if not snapshot.queues or not _can_broadcast(app):
        return
    queues, known = _told(app)
    at_work = {
        queue: [name for name, taken in queues.items() if _takes(taken, queue)]
        for queue in sorted(snapshot.queues)
    }
    needed = {step.name for step in snapshot.steps}
    for queue, names in at_work.items():
        if not names:
            yield _nobody(queue)
        for name in names:
            if missing := sorted(needed - _plain(known.get(name, needed))):
                yield _ignorant(name, queue, missing)


def _told(app: Celery) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return what workers say of their queues, and of the tasks that they know."""
    with app.connection_for_write(connect_timeout=5) as connection:
        connection.connect()
        here: Any = {"timeout": PATIENCE, "connection": connection}
        queues = app.control.inspect(**here).active_queues() or {}
        if not queues:
            return {}, {}
        # With their number known, there is no waiting for more of them.
        asked = app.control.inspect(list(queues), limit=len(queues), **here)
        return queues, asked.registered() or {}


def _can_broadcast(app: Celery) -> bool:
    """SQS and databases cannot, so that there nobody can be asked."""
    transport: Any = app.connection_for_write().get_transport_cls()
    return "fanout" in transport.implements.exchange_type


def _takes(taken: Sequence[Mapping[str, Any]], queue: str) -> bool:
    return any(each["name"] == queue for each in taken)


def _plain(registered: Any) -> set[str]:
    """Return the names alone: ``task [rate_limit=…]`` is what Celery may say."""
    return {str(name).partition(" ")[0] for name in registered}


def _nobody(queue: str) -> Finding:
    return found(
        "E108",
        what=f"No worker takes messages from the queue {queue!r}.",
        why="Jobs are enqueued and wait; nothing is submitted, polled or retrieved.",
        setting=f"celery -A … worker -Q {queue}",
    )


def _ignorant(name: str, queue: str, missing: Sequence[str]) -> Finding:
    return found(
        "E109",
        what=f"The worker {name} on {queue!r} does not know {', '.join(missing)}.",
        why=(
            "It takes their messages, logs a KeyError and throws them away. The watch"
            " sends them again, to be thrown away again."
        ),
        setting='imports = ["phanedge_celery"] in that worker, or another queue for it',
    )
