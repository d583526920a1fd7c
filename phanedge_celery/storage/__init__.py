"""Where a file goes: a folder, an fsspec URL, or one of Django's storages."""

from __future__ import annotations

from .asking import asking
from .holding import hold
from .images import with_images
from .keeping import keep
from .names import check_name, filled
from .opening import check_images, check_save_to, open_storage
from .part import Entity, Part
from .storage import OtherEntity, PartBusy, Storage, StorageAway

__all__ = [
    "Entity",
    "OtherEntity",
    "Part",
    "PartBusy",
    "Storage",
    "StorageAway",
    "asking",
    "check_images",
    "check_name",
    "check_save_to",
    "filled",
    "hold",
    "keep",
    "open_storage",
    "with_images",
]
