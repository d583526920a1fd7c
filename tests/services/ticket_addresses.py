"""The ticket stores that the suites run on, each by the URL of an empty one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from phanedge_celery.tickets import TicketStore, close_stores, open_store

STORES = ("memory", "sqlite", "redis", "postgres")
"""Another store joins all suites by a name here and a branch in `new_address`."""
SHARED = tuple(kind for kind in STORES if kind != "memory")
"""Those that another process sees."""


def new_address(request: pytest.FixtureRequest, folder: Path) -> str:
    """Return the URL of a store with nothing in it, its tables included."""
    kind = request.param
    if kind == "memory":
        return f"memory://{uuid4()}"
    if kind == "sqlite":
        return f"db+sqlite:///{folder}/tickets.db"
    server = request.getfixturevalue(f"{kind}_server")
    address: str = server.fresh_url()
    return address


@pytest.fixture(params=STORES)
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty store; the test runs once for each kind."""
    return new_address(request, tmp_path)


@pytest.fixture
def store(address: str) -> Iterator[TicketStore]:
    yield open_store(address)
    close_stores()
