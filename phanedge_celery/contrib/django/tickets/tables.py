"""Django's tables, where a router sends what is written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.apps import apps
from django.db import DataError, Error, connections, router

from phanedge_celery.tickets import TicketStoreUnavailable


@contextmanager
def table(name: str) -> Iterator[Any]:
    """Yield all rows of a table; translate what a database raises while away."""
    model = apps.get_model("phanedge", name)
    alias = router.db_for_write(model)
    try:
        yield model.objects.using(alias)
    except DataError:
        raise
    except Error as error:
        # A connection that broke is let go, so that the next call makes a new one.
        connections[alias].close_if_unusable_or_obsolete()
        raise TicketStoreUnavailable(_told(alias, error)) from error


def _told(alias: str, error: Error) -> str:
    first_line = str(error).partition("\n")[0]
    told = f"database {alias!r}: {type(error).__name__}: {first_line}"
    if "phanedge_" in first_line:
        told += " (has `manage.py migrate` been run?)"
    return told
