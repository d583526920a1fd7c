"""The ticket stores that the suites run on, each by the URL of an empty one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from phanedge_celery.tickets import TicketStore, close_stores, open_store

STORES = ("memory", "sqlite", "redis", "postgres", "django-sqlite", "django-postgres")
"""Another store joins all suites by a name here and a branch in `new_address`."""
SHARED = ("sqlite", "redis", "postgres")
"""Those that a forked child may go on using; Django's leaves that to Celery."""


def new_address(request: pytest.FixtureRequest, folder: Path) -> str:
    """Return the URL of a store with nothing in it, its tables included."""
    kind = request.param
    if kind == "memory":
        return f"memory://{uuid4()}"
    if kind == "sqlite":
        return f"db+sqlite:///{folder}/tickets.db"
    if kind.startswith("django"):
        return _django(request, folder)
    server = request.getfixturevalue(f"{kind}_server")
    address: str = server.fresh_url()
    return address


def _django(request: pytest.FixtureRequest, folder: Path) -> str:
    from tests import djangos

    if request.param == "django-sqlite":
        address = djangos.sqlite_address(folder / "django.db")
    else:
        server = request.getfixturevalue("postgres_server")
        address = djangos.postgres_address(server.fresh_url())
    djangos.serve(address)
    djangos.migrate("phanedge")
    return address


@pytest.fixture(params=STORES)
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty store; the test runs once for each kind."""
    return new_address(request, tmp_path)


@pytest.fixture
def store(address: str) -> Iterator[TicketStore]:
    yield open_store(address)
    close_stores()
