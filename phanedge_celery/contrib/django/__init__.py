"""Django: `INSTALLED_APPS += ["phanedge_celery.contrib.django"]`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .commit import enqueue_video_on_commit
    from .urls import callback_urls, video_urls

__all__ = ["callback_urls", "enqueue_video_on_commit", "video_urls"]


def __getattr__(name: str) -> Any:
    """Import what an app asks for only when it does: Django may not be set up yet."""
    from importlib import import_module

    rooms = {
        "callback_urls": "urls",
        "enqueue_video_on_commit": "commit",
        "video_urls": "urls",
    }
    if name not in rooms:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{rooms[name]}"), name)
