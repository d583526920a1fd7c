"""System checks: what `manage.py check` says about the settings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from celery import Celery
from celery.app import app_or_default
from django.core.checks import CheckMessage, Error, Warning, register

from phanedge_celery.errors import ConfigurationError
from phanedge_celery.settings import settings_for
from phanedge_celery.settings.reading import doubts
from phanedge_celery.settings.serving import unfit
from phanedge_celery.storage import open_storage
from phanedge_celery.tickets import store_for

TAG = "phanedge"


@register(TAG)
def check_settings(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """Return what is wrong with the settings of the current Celery app."""
    app: Any = app_or_default()
    if app.main == "default" and not app.set_as_current:
        return [_no_app()]
    return list(messages(app))


def messages(app: Celery) -> Iterator[CheckMessage]:
    """Yield errors E001 to E004 and warnings W001, each with what to do about it."""
    try:
        settings = settings_for(app)
    except ConfigurationError as error:
        yield from (_error(line, "E001") for line in error.message.splitlines())
        return
    wrong = list(unfit(app))
    yield from (_error(line, "E002") for line in wrong)
    if not wrong:
        yield from _refused(store_for, app, "E003")
    if settings.storage:
        yield from _refused(open_storage, settings.storage, "E004")
    yield from (_warning(line, "W001") for line in doubts(app))


def _refused(opened: Any, name: Any, number: str) -> Iterator[CheckMessage]:
    """Find out whether a store opens; to open one asks nothing of it yet."""
    try:
        opened(name)
    except ConfigurationError as error:
        yield _error(error.message, number)


def _no_app() -> CheckMessage:
    return Warning(
        "No Celery app is loaded here, so nothing can be enqueued.",
        hint="Import it in the project's __init__.py: from .celery import app",
        id=f"{TAG}.W002",
    )


def _error(line: str, number: str) -> CheckMessage:
    text, hint = _parted(line)
    return Error(text, hint=hint, id=f"{TAG}.{number}")


def _warning(line: str, number: str) -> CheckMessage:
    text, hint = _parted(line)
    return Warning(text, hint=hint, id=f"{TAG}.{number}")


def _parted(line: str) -> tuple[str, str | None]:
    """Part a sentence of ours from its remedy, which follows it."""
    for mark in (". ", "; "):
        text, found, hint = line.partition(mark)
        if found:
            return f"{text}.", hint[:1].upper() + hint[1:]
    return line, None
