"""The phanedge_* keys of `app.conf` as one frozen, validated object."""

from __future__ import annotations

from .reading import check_app, missing_api_key, settings_for
from .values import Settings

__all__ = ["Settings", "check_app", "missing_api_key", "settings_for"]
