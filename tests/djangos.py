"""Django in this process, on whatever database a test wants at the moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import django
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connections

from phanedge_celery.tickets import TicketStore, open_store

INSTALLED = (
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django_celery_results",
    "phanedge_celery.contrib.django",
)
"""One process can set Django up only once, so here is what any test wants of it."""
SETTINGS: Any = {
    "ALLOWED_HOSTS": ["*"],
    "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
    "LOGGING_CONFIG": None,
    "MIDDLEWARE": [
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    "PASSWORD_HASHERS": ["django.contrib.auth.hashers.MD5PasswordHasher"],
    "ROOT_URLCONF": "tests.contrib.urls",
    "SECRET_KEY": "of the tests",
    "STATIC_URL": "/static/",
    "TEMPLATES": [
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        }
    ],
    "USE_TZ": True,
}
SEVERAL_WRITERS = {
    "timeout": 20,
    "transaction_mode": "IMMEDIATE",
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
}
"""What SQLite needs where several processes write, as the documentation says."""


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


def set_up() -> None:
    """Set Django up in this process, with a database that nobody can open."""
    if not apps.ready:
        settings.configure(INSTALLED_APPS=INSTALLED, **SETTINGS)
        django.setup()


def serve(address: str) -> None:
    """Let Django's default database be the one at *address*."""
    set_up()
    database: dict[str, Any] = dict(parse_qsl(urlsplit(address).query))
    if database["ENGINE"].endswith("sqlite3"):
        database["OPTIONS"] = SEVERAL_WRITERS
    leave()
    connections.settings = connections.configure_settings({"default": database})


def leave() -> None:
    """Close this thread's connection, and forget which database it was to."""
    connections.close_all()
    with suppress(AttributeError):
        del connections["default"]


def migrate(*names: str) -> None:
    call_command("migrate", *names, verbosity=0, interactive=False)


@contextmanager
def opened(address: str) -> Iterator[TicketStore]:
    """Open the ticket store at *address*, Django's too, from any process."""
    if address.startswith("django:"):
        serve(address)
    with closing(open_store(address)) as store:
        yield store
