"""A Celery app that has nothing to do with videos, but works on our queue."""

from __future__ import annotations

import os

from celery import Celery

app = Celery("foreign", broker=os.environ["PHANEDGE_TEST_BROKER"], backend="rpc://")


@app.task(name="foreign.nothing")
def nothing() -> None:
    """Take a message, and do nothing with it."""
