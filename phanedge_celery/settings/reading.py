"""Reading the settings of an app, and saying what is wrong with them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from copy import deepcopy
from typing import Any
from weakref import WeakKeyDictionary

from celery import Celery
from pydantic import ValidationError

from ..errors import ConfigurationError
from .nearest import nearest
from .serving import unfit
from .sources import PREFIX, Found, KeyFile, known_names, places, unread_names
from .values import Settings

log = logging.getLogger("phanedge_celery.settings")

_kept: WeakKeyDictionary[Celery, tuple[Found, Settings]] = WeakKeyDictionary()


def settings_for(app: Celery) -> Settings:
    """Return what the ``phanedge_*`` keys of *app* say at this moment.

    Keys may change at run time, and a file named by ``PHANEDGE_API_KEY_FILE`` is
    read again when it has changed. Raises `ConfigurationError`.
    """
    app = getattr(app, "_get_current_object", lambda: app)()
    found = Found.now(app)
    kept = _kept.get(app)
    if kept is None or kept[0] != found:
        settings = _validated(app, found)
        kept = _kept[app] = (deepcopy(found), settings)
    return kept[1]


def check_app(app: Celery) -> Settings:
    """Return the settings of an app that is about to run steps.

    Raises `ConfigurationError` also for a result backend or broker that cannot
    serve; logs a warning for what may be meant, like a missing API key.
    """
    settings = settings_for(app)
    if wrong := list(unfit(app)):
        raise ConfigurationError("\n".join(wrong))
    for doubt in doubts(app):
        log.warning(doubt)
    return settings


def doubts(app: Celery) -> Iterator[str]:
    """Yield a sentence for each setting that may be meant, but hardly is."""
    if settings_for(app).api_key is None:
        yield missing_api_key(app)
    for name, meant in unread_names(app).items():
        yield f"{name} is not read. Set {places(app, meant)}."


def missing_api_key(app: Celery) -> str:
    """Return how to set the API key, as one sentence; for who needs it and has none."""
    advice = f"No API key for PhanEdge. Set {places(app, PREFIX + 'api_key')}."
    source = Found.now(app).values().get("api_key")
    if not isinstance(source, KeyFile):
        return advice
    try:
        return advice if source.read() else f"{source.path} is empty. {advice}"
    except (OSError, ValueError) as error:
        return f"{source.path} cannot be read ({type(error).__name__}). {advice}"


def _validated(app: Celery, found: Found) -> Settings:
    if unknown := list(_unknown(found)):
        raise ConfigurationError("\n".join(unknown))
    values = found.values()
    values["api_key"] = _api_key(values.get("api_key"))
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise ConfigurationError("\n".join(_invalid(app, error))) from error


def _api_key(source: Any) -> Any:
    if not isinstance(source, KeyFile):
        return source
    try:
        return source.read() or None
    except (OSError, ValueError):
        return None


def _unknown(found: Found) -> Iterator[str]:
    known = known_names(found.prefix)
    for name in found.unknown():
        yield f"{name}: there is no such key; {nearest(name, known)}"


def _invalid(app: Celery, error: ValidationError) -> Iterator[str]:
    for found in error.errors(include_url=False, include_input=False):
        name = PREFIX + str(found["loc"][0])
        cause = found.get("ctx", {}).get("error")
        text = str(cause or found["msg"].removeprefix("Input "))
        yield f"{name}: {text}. Set {places(app, name)}."
