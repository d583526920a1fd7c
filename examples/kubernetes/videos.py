"""The Celery app of worker.yaml, and the sign of life that its probe looks at.

Celery itself reads CELERY_BROKER_URL and CELERY_RESULT_BACKEND, phanedge_celery
PHANEDGE_API_KEY.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from celery import Celery, bootsteps

HEARTBEAT = Path(os.environ.get("HEARTBEAT_FILE", "/tmp/heartbeat"))  # noqa: S108
EVERY = 10.0
PATIENCE = 3600.0
"""Seconds without a broker, or of finishing what is in hand, before the probe fails."""

app = Celery("videos", include=["phanedge_celery"])
app.conf.task_routes = {"phanedge.*": {"queue": "phanedge"}}


class Heartbeat(bootsteps.StartStopStep):
    """Touch a file as long as the worker's loop turns.

    A probe that asks through the broker (`inspect ping`) starts a Celery each time,
    and restarts every worker when it is the broker that is away.
    """

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def start(self, parent: Any) -> None:
        HEARTBEAT.touch()
        self.entry = parent.timer.call_repeatedly(EVERY, HEARTBEAT.touch)

    def stop(self, parent: Any) -> None:
        parent.timer.cancel(self.entry)
        until = time.time() + PATIENCE
        os.utime(HEARTBEAT, (until, until))


app.steps["consumer"].add(Heartbeat)
