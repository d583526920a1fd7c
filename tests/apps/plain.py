"""A Celery app made of environment variables, with small tasks for canvases.

| variable | |
|---|---|
| `PHANEDGE_TEST_BROKER`, `PHANEDGE_TEST_BACKEND` | URLs; in memory when unset |
| `PHANEDGE_TEST_BASE_URL` | of the fake |
| `PHANEDGE_TEST_SCHEDULE` | `phanedge_schedule` as JSON |
| `PHANEDGE_TEST_CONF` | further settings as JSON; they win |
| `PHANEDGE_TEST_RECORD` | the file that `record` appends to |
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from celery import Celery, shared_task

import phanedge_celery.tasks  # noqa: F401 - the worker must know our tasks

RECORD = "PHANEDGE_TEST_RECORD"


def environment(
    *,
    broker: str,
    backend: str,
    base_url: str,
    schedule: Mapping[str, float] | None = None,
    record: Path | None = None,
    **conf: Any,
) -> dict[str, str]:
    """Return the variables for a worker or for `make_app`; *conf* is `app.conf`."""
    env = {
        "PHANEDGE_TEST_BROKER": broker,
        "PHANEDGE_TEST_BACKEND": backend,
        "PHANEDGE_TEST_BASE_URL": base_url,
        "PHANEDGE_TEST_SCHEDULE": json.dumps(schedule or {}),
        "PHANEDGE_TEST_CONF": json.dumps(conf),
    }
    return {**env, RECORD: str(record)} if record else env


def make_app(env: Mapping[str, str]) -> Celery:
    """Return the app that *env* describes; it does not become the current one."""
    app = Celery("plain", set_as_current=False)
    app.conf.update(
        broker_url=env.get("PHANEDGE_TEST_BROKER", "memory://"),
        result_backend=env.get("PHANEDGE_TEST_BACKEND", "cache+memory://"),
        task_serializer="json",
        result_serializer="json",
        accept_content=["json"],
        broker_connection_retry_on_startup=True,
        phanedge_api_key="a-key-of-the-tests",
        phanedge_schedule=json.loads(env.get("PHANEDGE_TEST_SCHEDULE", "{}")),
    )
    if base_url := env.get("PHANEDGE_TEST_BASE_URL"):
        app.conf.phanedge_base_url = base_url
    app.conf.update(json.loads(env.get("PHANEDGE_TEST_CONF", "{}")))
    return app


app = make_app(os.environ)


@shared_task(name="tests.other")
def other(value: Any) -> Any:
    """Return what a chain's next member would see."""
    return {"seen": value}


@shared_task(name="tests.collect")
def collect(values: list[Any]) -> Any:
    """Return what a chord's body would see."""
    return {"collected": values}


@shared_task(name="tests.fail")
def fail(*_: Any) -> None:
    raise RuntimeError("told to")


@shared_task(name="tests.record")
def record(*args: Any, label: str = "") -> None:
    """Append one line, so that runs can be counted by `recorded`."""
    line = json.dumps({"label": label, "args": args}, default=str) + "\n"
    out = os.open(os.environ[RECORD], os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        os.write(out, line.encode())
    finally:
        os.close(out)


def recorded(path: Path, label: str | None = None) -> list[dict[str, Any]]:
    """Return what `record` has appended, each as ``{"label", "args"}``."""
    text = path.read_text() if path.exists() else ""
    lines = text[: text.rfind("\n") + 1].splitlines()  # one may be half written
    entries: list[dict[str, Any]] = [json.loads(line) for line in lines]
    return [e for e in entries if label is None or e["label"] == label]
