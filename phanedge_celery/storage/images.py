"""Frames from the app's own storage, read just before they are posted."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any, Final

from ..errors import RequestInvalid
from ..models.request import STORED
from .asking import asking
from .names import check_name
from .storage import Storage

TOO_LARGE: Final = 20_000_000
"""Bytes; an image has fewer (contract, 2.1)."""

_TYPES: Final[Mapping[str, Callable[[bytes], bool]]] = {
    "jpeg": lambda start: start.startswith(b"\xff\xd8\xff"),
    "png": lambda start: start.startswith(b"\x89PNG\r\n\x1a\n"),
    "webp": lambda start: start[:4] == b"RIFF" and start[8:12] == b"WEBP",
}


def with_images(wire: Mapping[str, Any], storage: Storage) -> dict[str, Any]:
    """Return a request's JSON with each ``storage:<name>`` as a data URL.

    Raises `RequestInvalid` for a name without a file, and for a file that is too
    large or no JPG, PNG or WebP; what `asking` raises for a storage that fails.
    """

    def read(value: Any) -> Any:
        if isinstance(value, str) and value.startswith(STORED):
            return data_url(storage, value.removeprefix(STORED))
        return value

    frames = {
        field: read(wire[field])
        for field in ("first_frame_image", "last_frame_image")
        if field in wire
    }
    subjects = [
        {**subject, "image": [read(image) for image in subject.get("image", ())]}
        for subject in wire.get("subject_reference") or ()
    ]
    return {**wire, **frames, **({"subject_reference": subjects} if subjects else {})}


def data_url(storage: Storage, name: str) -> str:
    """Return the image *name* as ``data:image/…;base64,…``."""
    with asking(storage.where):
        image = _read(storage, check_name(name, of=STORED))
    if image is None:
        raise RequestInvalid(f"There is no image {name} in {storage.where}")
    if len(image) >= TOO_LARGE:
        raise RequestInvalid(
            f"The image {name} in {storage.where} must have less than 20 MB"
        )
    kind = next((kind for kind, fits in _TYPES.items() if fits(image[:12])), None)
    if kind is None:
        raise RequestInvalid(
            f"The image {name} in {storage.where} must be a JPG, PNG or WebP; its"
            " first bytes say that it is none"
        )
    return f"data:image/{kind};base64,{base64.b64encode(image).decode()}"


def _read(storage: Storage, name: str) -> bytes | None:
    if storage.size(name) is None:
        return None
    with storage.open(name) as file:
        return file.read(TOO_LARGE)
