"""The phanedge_* keys of `app.conf` as one frozen, validated object."""

from __future__ import annotations

from .reading import check_app, missing_api_key, settings_for
from .serving import check_sending
from .values import Settings

__all__ = [
    "Settings",
    "check_app",
    "check_sending",
    "missing_api_key",
    "settings_for",
]
