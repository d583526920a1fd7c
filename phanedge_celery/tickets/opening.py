"""Which ticket store serves: chosen by URL, made once for each process."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from ..errors import ConfigurationError
from ..settings import settings_for
from .memory import MemoryTickets
from .store import TicketStore

REDIS_STORE: Final = "phanedge_celery.tickets.redis.store:RedisTickets"
SQL_STORE: Final = "phanedge_celery.tickets.sql.store:SqlTickets"
DJANGO: Final = "phanedge_celery.contrib.django.tickets.store:DjangoTickets"
DJANGO_BACKENDS: Final = (
    "django-db",
    "django_celery_results.backends:DatabaseBackend",
    "django_celery_results.backends.database:DatabaseBackend",
)
REDIS: Final = frozenset({"redis", "rediss", "redis+socket", "socket", "sentinel"})
SQL: Final = frozenset(
    {"sqlite", "postgresql", "mysql", "mariadb", "oracle", "mssql", "cockroachdb"}
)

if TYPE_CHECKING:
    from celery import Celery

_opened: dict[tuple[int, str, float], TicketStore] = {}


def store_for(app: Celery, *, eager: bool = False) -> TicketStore:
    """Return the store of *app*: the one it names, else its result backend's.

    Eager jobs have one in memory. Raises `ConfigurationError`.
    """
    settings = settings_for(app)
    if eager or app.conf.task_always_eager:
        url: str | None = "memory://"
    else:
        options = app.conf.result_backend_transport_options
        url = settings.tickets or store_url(app.conf.result_backend, options)
    if url is None:
        raise ConfigurationError(
            f"phanedge_tickets: results in {_scheme(app.conf.result_backend)} have no "
            "ticket store of their own; name one, such as redis:// or "
            "postgresql+psycopg://"
        )
    return open_store(url, remember=settings.remember)


def open_store(url: str, *, remember: float = 30 * 86400) -> TicketStore:
    """Return this process's ticket store at *url*; it has asked nothing yet.

    *url* is ``redis://``, ``rediss://``, ``sentinel://``, a SQLAlchemy URL with or
    without ``db+``, ``memory://name`` or ``django``; in Redis the parameter
    ``prefix`` begins all keys. *remember* is how many seconds an ended ticket is
    kept. Raises `ConfigurationError`.
    """
    key = (os.getpid(), url, remember)
    found = _opened.get(key)
    return found or _opened.setdefault(key, _make(url, remember))


def close_stores() -> None:
    """Close all stores of this process, and forget those in memory."""
    for key in [key for key in _opened if key[0] == os.getpid()]:
        _opened.pop(key).close()


def store_url(
    result_backend: str | None, options: Mapping[str, Any] | None = None
) -> str | None:
    """Return the store that goes with a result backend; None if we have none for it.

    *options* are the backend's transport options, of which ``global_keyprefix``
    and ``master_name`` matter here.
    """
    backend = str(result_backend or "")
    if backend in DJANGO_BACKENDS:
        return "django"
    if backend.startswith("cache+memory://"):
        return "memory://"
    if backend.startswith("db+"):
        return backend
    if "://" in backend and _scheme(backend) in REDIS:
        return _with_options(backend, options or {})
    return None


def _with_options(url: str, options: Mapping[str, Any]) -> str:
    known = {
        "prefix": options.get("global_keyprefix"),
        "master_name": options.get("master_name"),
    }
    query = urlencode({name: value for name, value in known.items() if value})
    return f"{url}{'&' if '?' in url else '?'}{query}" if query else url


def _scheme(url: object) -> str:
    """Return of a URL what is no secret."""
    return str(url).partition("://")[0]


def _make(url: str, remember: float) -> TicketStore:
    scheme = _scheme(url)
    if scheme == "memory":
        return MemoryTickets()
    if scheme == "django":
        return _imported(DJANGO, extra="django")()
    if scheme in REDIS and "://" in url:
        return _imported(REDIS_STORE, extra="redis")(url, remember=remember)
    if scheme.removeprefix("db+").partition("+")[0] in SQL and "://" in url:
        return _imported(SQL_STORE, extra="sqlalchemy")(url)
    raise ConfigurationError(
        f"phanedge_tickets: no ticket store is called {scheme!r}; use redis://, "
        "rediss://, a SQLAlchemy URL such as postgresql+psycopg://, or django"
    )


def _imported(path: str, *, extra: str) -> Callable[..., TicketStore]:
    module, _, name = path.partition(":")
    try:
        made: Callable[..., TicketStore] = getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"phanedge_tickets: {error.name} is not installed; "
            f"pip install 'phanedge-celery[{extra}]'"
        ) from error
    return made
