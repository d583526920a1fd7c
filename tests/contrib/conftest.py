"""A Django project and a Celery app, new for each test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from celery import Celery
from celery.app import app_or_default

from phanedge_celery.testing import FakePhanEdge
from phanedge_celery.testing.fixtures import fake
from phanedge_celery.tickets import close_stores
from tests import djangos

__all__ = ["fake"]

djangos.set_up()  # models cannot be imported before

REQUEST = {"model": "MiniMax-Hailuo-02", "prompt": "A cat surfs."}
AT_ONCE = {"first": 0, "every": 0, "jitter": 0}


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with all tables, to be copied."""
    file = tmp_path_factory.mktemp("django") / "empty.db"
    djangos.serve(djangos.sqlite_address(file))
    djangos.migrate()
    djangos.leave()
    return file


@pytest.fixture
def database(migrated: Path, tmp_path: Path) -> Iterator[Path]:
    """Django's default database: all tables, no rows."""
    file = tmp_path / "django.db"
    shutil.copy(migrated, file)
    djangos.serve(djangos.sqlite_address(file))
    yield file
    djangos.leave()
    close_stores()


@contextmanager
def celery_app(fake: FakePhanEdge, **conf: Any) -> Iterator[Celery]:
    """Make an app, the current one for the while, on a broker in memory."""
    before = app_or_default()
    app = Celery("site")
    app.conf.update(
        broker_url="memory://",
        result_backend="cache+memory://",
        task_default_queue=uuid4().hex,
        phanedge_api_key=fake.key,
        phanedge_base_url=fake.url,
        phanedge_schedule=AT_ONCE,
        **conf,
    )
    with app:
        yield app
    before.set_current()


@pytest.fixture
def app(database: Path, fake: FakePhanEdge) -> Iterator[Celery]:
    """An app with its tickets in Django's database, whose messages nobody takes."""
    with celery_app(fake, phanedge_tickets="django") as made:
        yield made


@pytest.fixture
def eager_app(database: Path, fake: FakePhanEdge) -> Iterator[Celery]:
    with celery_app(fake, task_always_eager=True) as made:
        yield made


def sent(app: Celery) -> int:
    """Return how many messages wait, and forget them."""
    with app.connection_for_write() as connection:
        channel: Any = connection.default_channel
        return int(channel.queue_purge(app.conf.task_default_queue) or 0)
