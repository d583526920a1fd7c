"""The routes of a job: `path("videos/", include(video_urls(permission=…)))`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from celery import Celery
from django.http import HttpRequest
from django.urls import path

from phanedge_celery.contrib.shown import Door

from .views import callback_view, cancel_view, progress_view

Permission = Callable[[HttpRequest, str], bool]
"""May whoever sent this request see and cancel the job of this id?"""


def video_urls(
    *, permission: Permission, show_url: bool = False, app: Celery | None = None
) -> tuple[list[Any], str]:
    """Return what `include` takes: progress at ``<id>/``, cancel at ``<id>/cancel/``.

    Their names are ``phanedge:progress`` and ``phanedge:cancel``. *permission* gets
    the request and the id and says whether this visitor may see and cancel that job:
    an id is not a permission. *show_url* also shows the download URL, with which
    anybody can read the video. *app* is the Celery app, the current one by default.
    """
    door = Door(permission=permission, show_url=show_url, app=app)
    return (
        [
            path("<str:id>/", progress_view(door), name="progress"),
            path("<str:id>/cancel/", cancel_view(door), name="cancel"),
        ],
        "phanedge",
    )


def callback_urls(*, app: Celery | None = None) -> tuple[list[Any], str]:
    """Return what `include` takes: where the vendor tells of a job's changes.

    ``path("phanedge/", include(callback_urls()))`` goes with
    ``phanedge_callback_url = "https://shop.example/phanedge"``. Its URLs are signed:
    they need neither *permission* nor a CSRF token.
    """
    route = path("<str:token>", callback_view(app), name="callback")
    return [route], "phanedge-callback"
