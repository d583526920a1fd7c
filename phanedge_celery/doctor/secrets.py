"""What must not be shown: keys, passwords, and the text that would give them away."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import Any, Final
from urllib.parse import unquote

from celery import Celery

from ..errors import ConfigurationError
from ..settings import Settings, settings_for
from ..settings.sources import ENVIRONMENT, finalized

_PASSWORD: Final = re.compile(r"://[^\s/@:'\"]*:(?!\*+@)([^\s'\"]+)@")
_NAMED: Final = re.compile(r"(?i)password|secret|token|api_?key")
_SHORTEST: Final = 6
"""Characters; a shorter one would hide half of every text."""


def holds_secret(value: Any, settings: Settings) -> bool:
    """Is there a password in a URL, or one of our own secrets, in *value*?"""
    text = str(value)
    return any(secret in text for secret in _own(settings)) or bool(
        _PASSWORD.search(text)
    )


def set_values(app: Celery) -> dict[str, Any]:
    """Return what is set, by name, as `app.conf.table` does.

    It leaves out names without a value: Django's `settings.configure()` lists some.
    """
    members = dir(dict)
    conf: Any = finalized(app).without_defaults()
    names = (name for name in conf if not name.startswith("_") and name not in members)
    read = ((name, _read(conf, name)) for name in names)
    return {name: value for name, value in read if value is not None}


def _read(conf: Any, name: str) -> Any:
    try:
        return conf[name]
    except Exception:  # noqa: BLE001 - settings of the host's own may raise anything
        return None


def secrets_of(app: Celery) -> frozenset[str]:
    """Return every text in the settings of *app* that must not be printed.

    Our own secrets, the passwords of all URLs, and what is called a secret.
    """
    values = set_values(app)
    named = [text for name, text in values.items() if _NAMED.search(str(name))]
    texts = {text for text in named if isinstance(text, str)}
    texts |= set(_PASSWORD.findall(str([*values.values()])))
    texts |= {os.environ.get(ENVIRONMENT["api_key"], "")}
    with suppress(ConfigurationError):
        texts |= set(_own(settings_for(app)))
    texts |= {unquote(text) for text in texts}
    return frozenset(text for text in texts if len(text) >= _SHORTEST)


def _own(settings: Settings) -> list[str]:
    kept = (settings.api_key, settings.callback_secret)
    texts = [secret.get_secret_value() for secret in kept if secret is not None]
    return [text for text in texts if len(text) >= _SHORTEST]
