"""Pytest fixtures: `from phanedge_celery.testing.fixtures import fake, no_waits`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from .fake import FakePhanEdge
from .waits import without_waits

__all__ = ["fake", "no_waits"]


@pytest.fixture
def fake() -> Iterator[FakePhanEdge]:
    """A fake of PhanEdge's API of its own for each test, on a free port."""
    with FakePhanEdge() as started:
        yield started


@pytest.fixture
def no_waits(celery_app: Any) -> Iterator[None]:
    """Let the jobs of your fixture `celery_app` ask again at once.

    Its ``phanedge_base_url`` must be that of a fake on this machine by then.
    """
    with without_waits(celery_app):
        yield
