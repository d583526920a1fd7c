"""Which storage serves: chosen by URL, or by the alias of one of Django's."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from ..errors import ConfigurationError
from ..models import stored_images
from ..models.request import STORED
from .directory import Directory
from .names import check_name
from .remote import Remote
from .storage import Storage

DJANGO: Final = "phanedge_celery.contrib.django.storage"

_LOCAL: Final = ("file://", "local://")


def check_save_to(save_to: object, storage: str | None) -> None:
    """Find out early whether *save_to* can work with ``phanedge_storage``.

    Raises `RequestInvalid` for a name that is none, `ConfigurationError` when there
    is no storage. None is fine: nothing is to be saved.
    """
    if save_to is None:
        return
    check_name(save_to)
    if not storage:
        raise ConfigurationError(_not_set("save_to"))


def check_images(wire: Mapping[str, Any], storage: str | None) -> None:
    """Find out early whether a request's images can lie in ``phanedge_storage``.

    Raises like `check_save_to`. Whether they are there is for the worker to see.
    """
    names = stored_images(wire)
    for name in names:
        check_name(name, of=STORED)
    if names and not storage:
        raise ConfigurationError(_not_set(STORED))


def open_storage(url: str | None) -> Storage:
    """Return the storage that ``phanedge_storage`` names; it is not asked anything yet.

    Raises `ConfigurationError`, which says what to set or to install.
    """
    if not url:
        raise ConfigurationError(_not_set("save_to"))
    scheme, colon, rest = url.partition(":")
    if scheme == "django" and colon:
        return _of_django(rest)
    path = next((url.removeprefix(at) for at in _LOCAL if url.startswith(at)), None)
    if path is not None or url.startswith("/"):
        return _directory(url if path is None else path)
    if not rest.startswith("//"):
        raise ConfigurationError(f"phanedge_storage: {scheme!r} is no URL; {_SUCH}")
    return Remote(url)


def _directory(path: str) -> Directory:
    if not path.startswith("/"):
        raise ConfigurationError(
            f"phanedge_storage: file://{path} is no absolute path; {_SUCH}"
        )
    return Directory(Path(path))


def _of_django(alias: str) -> Storage:
    try:
        module = import_module(DJANGO)
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"phanedge_storage: {error.name} is not installed;"
            " pip install 'phanedge-celery[django]'"
        ) from error
    found: Storage = module.open_alias(alias.strip("/") or "default")
    return found


_SUCH: Final = (
    "such are file:///srv/videos, s3://bucket/videos, or django:alias for one of"
    " Django's STORAGES"
)


def _not_set(what: str) -> str:
    return (
        f"{what} needs phanedge_storage, the place where files are kept: {_SUCH}. Set"
        " app.conf.phanedge_storage (CELERY_PHANEDGE_STORAGE in Django's settings read"
        " with namespace='CELERY', app.config['CELERY']['phanedge_storage'] in Flask)."
    )
