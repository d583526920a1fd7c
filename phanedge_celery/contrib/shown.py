"""What the views show of a job and to whom, the same in every framework."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from celery import Celery, states

from phanedge_celery.producer import video_progress
from phanedge_celery.producer.look import is_id

NOT_FOUND: Final[Mapping[str, str]] = {"error": "not found"}
"""The answer to a wrong id and to somebody else's, which nobody can tell apart."""

UNAVAILABLE: Final[Mapping[str, str]] = {"error": "try again later"}
RETRY_AFTER: Final = "5"
"""Seconds, while the ticket store is away."""

NO_STORE: Final = "private, no-store"


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Who may come in, and how much is shown there."""

    permission: Callable[[Any, str], bool]
    """May whoever sent this request see and cancel the job of this id?"""
    show_url: bool = False
    """Whoever has a download URL can read the video."""
    app: Celery | None = None

    def __post_init__(self) -> None:
        if not callable(self.permission):
            raise TypeError("permission is a function of the request and the id")

    def find(
        self, request: Any, id: str, app: Celery | None = None
    ) -> dict[str, Any] | None:
        """Return a job's progress; None for an id that is unknown or not theirs.

        Raises `tickets.TicketStoreUnavailable`.
        """
        if not is_id(id) or not self.permission(request, id):
            return None
        progress = video_progress(id, app=app or self.app)
        if progress["stage"] is None and progress["state"] == states.PENDING:
            return None
        return progress if self.show_url else without_url(progress)


def without_url(progress: Mapping[str, Any]) -> dict[str, Any]:
    """Return *progress* without the download URL."""
    video = progress["video"]
    if video:
        video = {k: v for k, v in video.items() if k != "download_url"}
    return {**progress, "video": video}


def etag(progress: Mapping[str, Any]) -> str:
    """Return a weak ETag, which does not change when only time has passed."""
    told = {name: value for name, value in progress.items() if name != "elapsed"}
    text = json.dumps(told, sort_keys=True, default=str)
    return f'W/"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
