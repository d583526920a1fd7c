"""Whether the result backend and the broker can serve: every worker must see them."""

from __future__ import annotations

from collections.abc import Iterator

from celery import Celery
from celery.exceptions import ImproperlyConfigured

from ..errors import ConfigurationError
from .sources import places


def unfit(app: Celery) -> Iterator[str]:
    """Yield a sentence for the result backend and one for the broker, if unfit."""
    if reason := unfit_backend(app):
        yield _unreadable(app, reason)
    if is_filesystem(app):
        yield _lossy(app)


def check_sending(app: Celery) -> None:
    """Refuse to write a job where no worker of ours would ever find it.

    Of the broker it looks at the URL alone, since this is called often. Raises
    `ConfigurationError`.
    """
    if app.conf.task_always_eager:
        return
    if reason := unfit_backend(app):
        raise ConfigurationError(_unreadable(app, reason))
    if "filesystem://" in str(app.conf.broker_write_url or app.conf.broker_url):
        raise ConfigurationError(_lossy(app))


def _unreadable(app: Celery, reason: str) -> str:
    return (
        f"result_backend: {reason}. Results and tickets must be readable by every "
        "worker and every web process: use redis://, db+postgresql:// or another "
        f"database, or django-db. Set {places(app, 'result_backend')}."
    )


def _lossy(app: Celery) -> str:
    return (
        "broker_url: filesystem:// loses messages, and with them paid jobs. Use "
        "redis://, amqp://, or sqla+sqlite:///celery.db on one machine. "
        f"Set {places(app, 'broker_url')}."
    )


def unfit_backend(app: Celery) -> str | None:
    """Return why results cannot be read by all who need them, None if they can."""
    from celery.backends.base import DisabledBackend
    from celery.backends.rpc import RPCBackend

    try:
        backend = app.backend
    except (ImproperlyConfigured, ImportError) as error:
        return str(error).rstrip(".")
    if isinstance(backend, DisabledBackend):
        return "results are switched off"
    if isinstance(backend, RPCBackend):
        return "rpc:// keeps a result for the one process that asked"
    return None


def is_filesystem(app: Celery) -> bool:
    """Is ``filesystem://`` the broker of either end?"""
    ends = (app.connection_for_read(), app.connection_for_write())
    return any(end.get_transport_cls().driver_type == "filesystem" for end in ends)
