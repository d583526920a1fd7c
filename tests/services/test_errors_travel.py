"""Every error, stored as a worker stores it, read by who has imported the package."""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

import phanedge_celery
from phanedge_celery import PhanEdgeError
from phanedge_celery.errors import error_fields
from tests.servers import RedisServer
from tests.workers import python_path

SETTINGS: Final = """
from pathlib import Path
SECRET_KEY = "of the tests"
USE_TZ = True
DATABASES = {"default": {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": Path(__file__).with_name("django.sqlite"),
}}
INSTALLED_APPS = ["django_celery_results"]
"""
DJANGO: Final = "import django; django.setup()\n"
MIGRATE: Final = "from django.core.management import call_command\n"
MIGRATE_ALL: Final = MIGRATE + "call_command('migrate', verbosity=0)\n"

WORKER: Final = """
import json, sys
from importlib import import_module
from celery import Celery
from celery.app.trace import trace_task
from phanedge_celery import PhanEdgeError
app = Celery("worker", broker="memory://", backend=sys.argv[1])

@app.task(name="fail", throws=(PhanEdgeError,))
def fail(module, name, facts):
    raise getattr(import_module(module), name)(*facts)

for id, *args in json.load(sys.stdin):
    trace_task(app.tasks["fail"], id, args, {}, {"id": id}, app=app)
"""
"""`trace_task` is what a worker's process calls with a message."""

READER: Final = """
import json, sys
import phanedge_celery
from celery import Celery
app = Celery("reader", broker="memory://", backend=sys.argv[1])
for id in json.load(sys.stdin):
    try:
        app.AsyncResult(id).get(timeout=20)
    except phanedge_celery.PhanEdgeError as error:
        told = {name: value for name, value in vars(error).items()}
        print(json.dumps([type(error).__name__, error.args, told, str(error)]))
    except Exception as error:
        print(json.dumps([type(error).__module__, repr(error)]))
"""


def below(cls: type[PhanEdgeError]) -> Iterator[type[PhanEdgeError]]:
    yield cls
    for child in cls.__subclasses__():
        yield from below(child)


def of_the_package() -> list[type[PhanEdgeError]]:
    """Return every error class there is, wherever in the package it may be."""
    core = ("contrib", "cli", "testing", "doctor")
    for found in pkgutil.walk_packages(phanedge_celery.__path__, "phanedge_celery."):
        if found.name.split(".")[1] not in core:
            importlib.import_module(found.name)
    return [c for c in below(PhanEdgeError) if c.__module__.startswith("phanedge_cel")]


FACTS: Final[Sequence[tuple[Any, ...]]] = (
    ("it broke: 无效的令牌", 1027, "106916112212032", 200, "req-7, trace-8"),
    ("it broke", "submit_failed", None, 500, None),
    (),
)
ERRORS: Final = [cls(*facts) for cls in of_the_package() for facts in FACTS]


@pytest.fixture(params=["redis", "sqlalchemy", "django-celery-results"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "redis":
        server: RedisServer = request.getfixturevalue("redis_server")
        return server.fresh().backend
    if request.param == "sqlalchemy":
        return f"db+sqlite:///{tmp_path}/results.sqlite"
    (tmp_path / "site_settings.py").write_text(SETTINGS)
    return "django-db"


def run(program: str, backend: str, given: Any, folder: Path) -> list[Any]:
    """Run *program* in a process of its own; return the lines that it has printed."""
    env = {**os.environ, "PYTHONPATH": f"{python_path()}{os.pathsep}{folder}"}
    if backend == "django-db":
        env["DJANGO_SETTINGS_MODULE"] = "site_settings"
        program = DJANGO + program
    ran = subprocess.run(
        [sys.executable, "-c", program, backend],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=100,
        env=env,
        cwd=folder,
    )
    assert ran.returncode == 0, ran.stderr
    return [json.loads(line) for line in ran.stdout.splitlines()]


def test_every_error_comes_back_with_class_fields_and_text(
    backend: str, tmp_path: Path
) -> None:
    stored = [
        [f"id-{number}", type(error).__module__, type(error).__name__, error.args]
        for number, error in enumerate(ERRORS)
    ]
    worker = (MIGRATE_ALL if backend == "django-db" else "") + WORKER
    run(worker, backend, stored, tmp_path)

    read = run(READER, backend, [id for id, *_ in stored], tmp_path)

    assert read == [
        [type(error).__name__, list(error.args), vars(error), str(error)]
        for error in ERRORS
    ]


def test_there_is_no_error_of_which_nothing_is_known_here() -> None:
    classes = of_the_package()

    assert len(classes) == len({cls.__name__ for cls in classes}) == 16
    assert {cls.__module__ for cls in classes} == {"phanedge_celery.errors"}
    assert all("resumable" in error_fields(cls()) for cls in classes)
