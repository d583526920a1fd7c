"""Taking the snapshot of an app; nothing is asked that is not in this process."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from importlib import metadata
from typing import Any, Final

from celery import Celery
from celery.app.utils import filter_hidden_settings
from kombu.serialization import registry  # type: ignore[attr-defined]

from ..errors import ConfigurationError
from ..moves import POLL, RETRIEVE, SAVE, SUBMIT
from ..settings import Settings, settings_for
from ..settings import missing_api_key as how_to_set_the_key
from ..settings.serving import is_filesystem, unfit_backend
from ..settings.sources import finalized, unread_names
from ..steps import submit_lease
from ..storage import open_storage
from ..tickets import store_for, store_url
from ..watch import WATCH
from .secrets import holds_secret, set_values
from .snapshot import Snapshot, Step

NAMES: Final = (SUBMIT, POLL, RETRIEVE, SAVE, WATCH)

LOCAL: Final = ("file://", "local://")

_VISIBILITY: Final = {"redis": 3600, "sqs": 1800}
"""What kombu takes when nothing is set; seconds."""


def snapshot_of(app: Celery, *, pool: str | None = None) -> Snapshot:
    """Return what *app* says at this moment; *pool* is that of a running worker."""
    conf = finalized(app)
    settings, mistakes = _settings(app)
    steps = tuple(_steps(app, settings))
    return Snapshot(
        prefix=conf.prefix,
        settings=settings,
        mistakes=mistakes,
        missing_key=None if mistakes or settings.api_key else how_to_set_the_key(app),
        unread={} if mistakes else unread_names(app),
        eager=bool(conf.task_always_eager),
        steps=steps,
        default_queue=str(conf.task_default_queue),
        eta_limit=conf.get("worker_eta_task_limit"),
        celery=version("celery"),
        kombu=version("kombu"),
        pool=str(pool or conf.worker_pool),
        accepts=_accepted(conf),
        shown=tuple(_shown(app, settings)),
        no_storage=_why_no_storage(settings.storage),
        **_results(app, settings, known=not mistakes),
        **_broker(app, steps),
    )


@cache
def version(library: str) -> str:
    return metadata.version(library)


def _settings(app: Celery) -> tuple[Settings, tuple[str, ...]]:
    try:
        return settings_for(app), ()
    except ConfigurationError as error:
        return Settings(), tuple(error.message.splitlines())


def _steps(app: Celery, settings: Settings) -> Iterator[Step]:
    for name in NAMES:
        if name in app.tasks and (name != SAVE or settings.storage):
            yield _step(app, name, settings)


def _step(app: Celery, name: str, settings: Settings) -> Step:
    task = app.tasks[name]
    limits = [x for x in (task.soft_time_limit, task.time_limit) if x]
    watch = name == WATCH
    return Step(
        name=name,
        queue=_queue(app, name),
        ignores_result=bool(task.ignore_result) and not watch,
        acks_late=bool(task.acks_late) or watch,
        rejects_lost=bool(task.reject_on_worker_lost) or watch,
        limit=min(limits, default=None),
        needs=submit_lease(settings) if name == SUBMIT else 60,
    )


def _queue(app: Celery, name: str) -> str | None:
    """Return where *name* is sent, without making a queue: a worker would take it."""
    try:
        router: Any = app.amqp.router
        route = router.lookup_route(name, (), {}, {}, None)
    except Exception:  # noqa: BLE001 - a router of the app's own may raise anything
        return None
    queue = (route if isinstance(route, str) else (route or {}).get("queue")) or (
        app.conf.task_default_queue
    )
    return str(getattr(queue, "name", queue))


def _results(app: Celery, settings: Settings, *, known: bool) -> dict[str, Any]:
    conf: Any = app.conf
    unfit = unfit_backend(app)
    url = settings.tickets or store_url(conf.result_backend) or ""
    return {
        "unfit_results": unfit,
        "results": _scheme(conf.result_backend),
        "result_expires": _seconds(conf.result_expires),
        "results_are_shared": bool(conf.get("result_backend_thread_safe")),
        "tickets": _scheme(url) or None,
        "no_tickets": _why_no_store(app) if known and not unfit else None,
    }


def _why_no_store(app: Celery) -> str | None:
    try:
        store_for(app)
    except ConfigurationError as error:
        return error.message
    return None


def _why_no_storage(url: str | None) -> str | None:
    """Open what opens without a connection: a folder, or a storage of Django's."""
    elsewhere = "://" in (url or "") and not (url or "").startswith(LOCAL)
    if url is None or elsewhere:
        return None
    try:
        open_storage(url)
    except ConfigurationError as error:
        return error.message
    return None


def _broker(app: Celery, steps: tuple[Step, ...]) -> dict[str, Any]:
    conf: Any = app.conf
    try:
        loses = is_filesystem(app)
        kind = str(app.connection_for_write().get_transport_cls().driver_type)
    except (ImportError, KeyError) as error:
        return {"no_broker": str(error.args[0] if error.args else error)}
    options = conf.broker_transport_options or {}
    visibility = options.get("visibility_timeout", _VISIBILITY.get(kind))
    return {
        "broker": kind,
        "loses_messages": loses,
        "visibility": visibility if kind in _VISIBILITY else None,
        "undelayed": _undelayed(app, steps) if kind == "amqp" else None,
    }


def _undelayed(app: Celery, steps: tuple[Step, ...]) -> str | None:
    """Return a queue of ours with a direct exchange, if there is any quorum queue.

    One quorum queue makes Celery delay all messages in the broker, which a direct
    exchange cannot.
    """
    known = app.amqp.queues
    ours = [
        known[name] if name in known else known.new_missing(name)
        for name in sorted({step.queue for step in steps if step.queue})
    ]
    arguments = [queue.queue_arguments or {} for queue in (*known.values(), *ours)]
    if not any(each.get("x-queue-type") == "quorum" for each in arguments):
        return None
    direct = (queue.name for queue in ours if queue.exchange.type == "direct")
    return next(direct, None)


def _accepted(conf: Any) -> frozenset[str]:
    named = {*(conf.accept_content or ()), *(conf.result_accept_content or ())}
    short = {full: name for name, full in registry.name_to_type.items()}
    return frozenset(short.get(name, name) for name in named)


def _shown(app: Celery, settings: Settings) -> Iterator[str]:
    """Name the settings of which ``celery report`` would show a secret."""
    for name, value in set_values(app).items():
        if "broker_url" in name.lower() or not holds_secret(value, settings):
            continue
        if holds_secret(filter_hidden_settings({name: value})[name], settings):
            yield name


def _scheme(url: object) -> str:
    return str(url or "").partition(":")[0]


def _seconds(value: Any) -> float | None:
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    return float(seconds) if seconds else None
