"""The plain app in a worker whose watch has a pace of its own.

`PHANEDGE_TEST_WATCH` holds fields of `schedule.WatchPace` as JSON.
"""

from __future__ import annotations

import json
import os

from phanedge_celery import schedule
from tests.apps.plain import app

__all__ = ["app"]

schedule.WATCH = schedule.WatchPace(
    **json.loads(os.environ.get("PHANEDGE_TEST_WATCH", "{}"))
)
