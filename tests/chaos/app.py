"""The app of a worker in a chaos run.

| variable | |
|---|---|
| `PHANEDGE_TEST_WATCH` | fields of `schedule.WatchPace` as JSON |
| `CHAOS_SWITCHES` | a folder; while it has a file `double`, messages come twice |
| `CHAOS_NEWER` | set: this worker is of a newer version, with formats of its own |
"""

from __future__ import annotations

import os
import random
import threading
from pathlib import Path
from typing import Any

from celery.signals import after_task_publish

from tests.chaos.newer import become_newer

if os.environ.get("CHAOS_NEWER"):
    become_newer()

from tests.apps.watched import app

__all__ = ["app"]

DOUBLE = Path(os.environ.get("CHAOS_SWITCHES", "/nowhere")) / "double"
LATEST = 8.0
"""Seconds after which a copy comes at the latest, when much may have happened."""


@after_task_publish.connect(weak=False)
def _double(
    sender: str,
    headers: dict[str, Any],
    body: Any,
    exchange: str,
    routing_key: str,
    **_: Any,
) -> None:
    """Publish half of our messages once more, late, so out of order."""
    if sender.startswith("phanedge.") and DOUBLE.exists() and random.random() < 0.5:
        late = random.uniform(0, LATEST)
        what = (headers, body, exchange, routing_key)
        threading.Timer(late, _publish, what).start()


def _publish(
    headers: dict[str, Any], body: Any, exchange: str, routing_key: str
) -> None:
    with app.producer_pool.acquire(block=True) as producer:
        producer.publish(
            body,
            exchange=exchange,
            routing_key=routing_key,
            headers=headers,
            correlation_id=headers["id"],
            serializer="json",
        )
