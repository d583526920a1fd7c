"""A request as it is posted, its frames read from the storage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..answers import Trouble
from ..models import VideoRequest, stored_images
from ..steps import Step
from ..storage import StorageAway, open_storage, with_images
from .save import storage_trouble


def posted(step: Step, asked: VideoRequest) -> Mapping[str, Any] | Trouble:
    """Return what is to be posted, or the trouble of a storage that fails just now.

    Raises `RequestInvalid` for an image that is not there or does not fit.
    """
    wire = asked.wire()
    if not stored_images(wire):
        return wire
    try:
        return with_images(wire, open_storage(step.settings.storage))
    except StorageAway as away:
        return storage_trouble(away)
