"""Django in this process, on whatever database a test wants at the moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import django
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connections

from phanedge_celery.tickets import TicketStore, open_store

OURS = "phanedge_celery.contrib.django"
ALL = (
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django_celery_results",
    OURS,
)
"""One process can set Django up only once, so here is what any test wants of it."""


def sqlite_address(file: Path) -> str:
    """Return the address of tickets in a file: what `open_store` takes as Django."""
    return _address(ENGINE="django.db.backends.sqlite3", NAME=str(file))


def postgres_address(url: str) -> str:
    """Return the address of tickets in a database that SQLAlchemy would call *url*."""
    parts = urlsplit(url)
    return _address(
        ENGINE="django.db.backends.postgresql",
        NAME=parts.path.strip("/"),
        HOST=parts.hostname or "",
        PORT=str(parts.port),
        USER=parts.username or "",
    )


def _address(**database: str) -> str:
    return f"django://?{urlencode(database)}"


def serve(address: str, installed: tuple[str, ...] = ALL) -> None:
    """Let Django's default database be the one at *address*."""
    database = dict(parse_qsl(urlsplit(address).query))
    if database["ENGINE"].endswith("sqlite3"):
        # As the documentation advises where several processes write.
        database["OPTIONS"] = {  # type: ignore[assignment]
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        }
    if not apps.ready:
        settings.configure(
            INSTALLED_APPS=installed,
            DATABASES={"default": database},
            LOGGING_CONFIG=None,
            USE_TZ=True,
        )
        django.setup()
    connections.close_all()
    with suppress(AttributeError):
        del connections["default"]
    connections.settings = connections.configure_settings({"default": database})


def migrate(*names: str) -> None:
    call_command("migrate", *names, verbosity=0, interactive=False)


@contextmanager
def opened(address: str) -> Iterator[TicketStore]:
    """Open the ticket store at *address*, Django's too, from any process."""
    if address.startswith("django:"):
        serve(address, (OURS,))
    with closing(open_store(address)) as store:
        yield store
