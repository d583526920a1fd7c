"""Pytest fixtures: `from phanedge_celery.testing.fixtures import fake`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .fake import FakePhanEdge

__all__ = ["fake"]


@pytest.fixture
def fake() -> Iterator[FakePhanEdge]:
    """A fake of PhanEdge's API of its own for each test, on a free port."""
    with FakePhanEdge() as started:
        yield started
