"""Where the admin's link to a saved file leads."""

from __future__ import annotations

from celery.app import app_or_default
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import InvalidStorageError, storages

from phanedge_celery.settings import settings_for


def file_url(name: str | None) -> str | None:
    """Return the URL of the saved file *name*, None if it has none to be shown.

    A signed URL lets anybody read the video, so it is not put on a page.
    """
    scheme, _, alias = (settings_for(app_or_default()).storage or "").partition(":")
    if scheme != "django" or not name:
        return None
    try:
        url: str = storages[alias.strip("/") or "default"].url(name)
    except (InvalidStorageError, ImproperlyConfigured, NotImplementedError, ValueError):
        return None
    return None if "?" in url else url
