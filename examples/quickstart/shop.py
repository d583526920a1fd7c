"""A Celery app on this machine alone: broker and results in SQLite."""

from __future__ import annotations

from celery import Celery

app = Celery("shop")
app.conf.update(
    broker_url="sqla+sqlite:///broker.db",
    result_backend="db+sqlite:///results.db",
    imports=["phanedge_celery"],
    task_routes={"phanedge.*": {"queue": "phanedge"}},
    phanedge_schedule={"first": 1, "every": 1},
)
