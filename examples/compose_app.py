"""The Celery app of docker-compose.yml, made of its environment.

Celery itself reads CELERY_BROKER_URL and CELERY_RESULT_BACKEND.
"""

from __future__ import annotations

import os

from celery import Celery

app = Celery("compose", include=["phanedge_celery"])
app.conf.task_routes = {"phanedge.*": {"queue": "phanedge"}}

if not os.environ.get("PHANEDGE_API_KEY"):
    app.conf.update(
        phanedge_api_key="fake-key",
        phanedge_base_url=os.environ.get("FAKE_URL", "http://127.0.0.1:8900"),
        phanedge_allow_http=True,
        phanedge_schedule={"first": 2, "every": 2},
    )
