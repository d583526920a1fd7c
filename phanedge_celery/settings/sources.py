"""Where settings come from: `app.conf`, for two of them also the environment."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, Final, NamedTuple

from celery import Celery

from .values import Settings

PREFIX: Final = "phanedge_"
KEYS: Final = tuple(Settings.model_fields)
ENVIRONMENT: Final = {
    "api_key": "PHANEDGE_API_KEY",
    "base_url": "PHANEDGE_BASE_URL",
    "metrics": "PHANEDGE_METRICS",
}
API_KEY_FILE: Final = "PHANEDGE_API_KEY_FILE"


class KeyFile(NamedTuple):
    """A file that holds the API key, with what changes when it is written anew."""

    path: str
    identity: tuple[int, ...] | None

    @classmethod
    def at(cls, path: str) -> KeyFile:
        try:
            stat = Path(path).stat()
        except (OSError, ValueError):
            return cls(path, None)
        return cls(path, (stat.st_ino, stat.st_size, stat.st_ctime_ns))

    def read(self) -> str:
        """Return the key, ``""`` if there is none. Raises OSError, ValueError."""
        return Path(self.path).read_text(encoding="utf-8").strip()


@dataclass(frozen=True)
class Found:
    """What is set at one moment, unchecked."""

    prefix: str | None
    """``CELERY_`` under ``namespace="CELERY"``."""
    conf: Mapping[str, Any] = field(repr=False)
    """By name, as it is spelled; misspelt ones too."""
    environment: Mapping[str, str | KeyFile] = field(repr=False)
    """By key."""

    @classmethod
    def now(cls, app: Celery) -> Found:
        conf = finalized(app)
        starts = spellings(PREFIX, conf.prefix)
        *sources, _defaults = conf.maps
        found = {
            name: source[name]
            for source in reversed(sources)
            for name in source.keys()  # noqa: SIM118 (a module's names have no iter)
            if name.startswith(starts) and not _is_imported(source[name])
        }
        for key, (first, *others) in _spelled(conf.prefix):
            # Which spelling counts of two is another one since Celery 5.7: it knows.
            if first in found and any(name in found for name in others):
                found[first] = conf[PREFIX + key]
        return cls(conf.prefix, found, dict(_environment()))

    def values(self) -> dict[str, Any]:
        """Return what counts by key: `app.conf` first; None and ``""`` are not set."""
        configured = {
            key: next((self.conf[n] for n in names if n in self.conf), None)
            for key, names in _spelled(self.prefix)
        }
        given = {k: v for k, v in configured.items() if v is not None and v != ""}
        return {**self.environment, **given}

    def unknown(self) -> list[str]:
        """Return the names of keys that do not exist."""
        return [name for name in self.conf if name not in known_names(self.prefix)]


def _is_imported(value: object) -> bool:
    """Is it what a settings module imports, like `phanedge_celery` itself?"""
    return isinstance(value, ModuleType | FunctionType)


def _environment() -> Iterator[tuple[str, str | KeyFile]]:
    if path := os.environ.get(API_KEY_FILE):
        yield "api_key", KeyFile.at(path)
    for key, variable in ENVIRONMENT.items():
        if text := os.environ.get(variable, "").strip():
            yield key, text


def finalized(app: Celery) -> Any:
    """Return `app.conf`, read."""
    conf: Any = app.conf
    if not app.configured:  # type: ignore[attr-defined]  # missing in celery-types
        conf.finalize()
    return conf


def spellings(name: str, prefix: str | None) -> tuple[str, ...]:
    """Return what Celery looks for when asked for *name*, the stronger one first."""
    if not prefix:
        return (name,)
    spelled = prefix + name
    return (spelled.upper() if prefix.isupper() else spelled.lower(), name)


@lru_cache
def _spelled(prefix: str | None) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((key, spellings(PREFIX + key, prefix)) for key in KEYS)


def known_names(prefix: str | None) -> list[str]:
    """Return every name under which one of our keys is read."""
    return [name for _, names in _spelled(prefix) for name in names]


def unread_names(app: Celery) -> dict[str, str]:
    """Return names that Celery does not read, with the names that are meant.

    ``PHANEDGE_TICKETS`` beside ``namespace="CELERY"``, or either without one.
    """
    conf, set_keys = finalized(app), Found.now(app).values()
    bare = {(PREFIX + key).upper(): PREFIX + key for key in KEYS if key not in set_keys}
    meant = {
        start + name: key for name, key in bare.items() for start in ("", "CELERY_")
    }
    read = known_names(conf.prefix)
    return {name: meant[name] for name in conf if name in meant and name not in read}


def places(app: Celery, name: str) -> str:
    """Return every place where the setting *name* can be made, as a phrase."""
    found = [*_conf_places(finalized(app).prefix, name), *_other_places(name)]
    return ", ".join(found[:-1]) + " or " + found[-1] if found[1:] else found[0]


def _conf_places(prefix: str | None, name: str) -> list[str]:
    if not prefix:
        return [f"app.conf.{name} (Flask: app.config['CELERY']['{name}'])"]
    spelled, _ = spellings(name, prefix)
    return [
        f"{spelled} in the settings read with namespace='{prefix.rstrip('_')}' "
        "(Django: settings.py)",
        f"app.conf.{name}",
    ]


def _other_places(name: str) -> Iterator[str]:
    key = name.removeprefix(PREFIX)
    if key in ENVIRONMENT:
        yield f"the environment variable {ENVIRONMENT[key]}"
    if key == "api_key":
        yield f"a file named by the environment variable {API_KEY_FILE}"
