"""The settings of the Django site for tests, which cannot look only now and then."""

from __future__ import annotations

from project.settings import *  # type: ignore[import-not-found] # noqa: F403

LOOK_EVERY = 0.3
CELERY_PHANEDGE_SCHEDULE = {"first": 0.2, "every": 0.2, "jitter": 0}
