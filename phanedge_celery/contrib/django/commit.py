"""Asking for a video once the transaction at hand has committed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from celery import Celery
from celery.app import app_or_default
from django.db import transaction

from phanedge_celery.models import VideoRequest
from phanedge_celery.producer import enqueue_video
from phanedge_celery.producer.enqueue import new_id


def enqueue_video_on_commit(
    request: Mapping[str, Any] | VideoRequest,
    *,
    key: str | None = None,
    save_to: str | None = None,
    max_wait: float | None = None,
    using: str | None = None,
    app: Celery | None = None,
    **options: Any,
) -> str:
    """Return the id at once; ask for the video after the commit, never on a rollback.

    Inside ``atomic()`` this is the one to use: `enqueue_video` sends its message at
    once, and a worker may look for rows that are not committed, or never will be.
    *using* is the database whose transaction counts; all else is as there.

    Raises `RequestInvalid` at once for a request that can never be accepted. What
    `enqueue_video` raises (a used key, a ticket store that is away) comes out of the
    ``atomic()`` block, after its commit.
    """
    app = app_or_default(app)
    asked = VideoRequest.read(request)
    id: str = options.pop("task_id", None) or new_id(app, "key", key)
    enqueue = partial(
        enqueue_video,
        asked,
        key=key,
        save_to=save_to,
        max_wait=max_wait,
        app=app,
        task_id=id,
        **options,
    )
    transaction.on_commit(enqueue, using=using)
    return id
