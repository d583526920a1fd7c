"""Is what has come all of a file?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

Read = Callable[[int, int], bytes]
"""Returns so many bytes from a place on."""

_MOST_BOXES: Final = 10_000


def shortfall(
    length: int, size: int | None, told: int | None, read: Read
) -> str | None:
    """Return what *length* bytes lack of a file, None when nothing (contract, 4.2).

    *size* is what the host announced, *told* what the service says of the file; each
    None if unknown. The host decides; without a word of it, the service. An MP4 also
    says by itself where it ends, which is believed unless host and service agree.
    """
    wanted = told if size is None else size
    if wanted is not None and length != wanted:
        return f"{length} of {wanted} bytes"
    if size is not None and size == told:
        return None
    if breaks_off(read, length):
        return f"{length} bytes, in the middle of the video"
    return None


def breaks_off(read: Read, length: int) -> bool:
    """Does an MP4 of *length* bytes end before its last box does?"""
    place, boxes = 0, 0
    while is_mp4(read) and place < length and boxes < _MOST_BOXES:
        box = _box_size(read(place, 16))
        if box is None:
            return False
        place, boxes = place + box, boxes + 1
    return place > length


def is_mp4(read: Read) -> bool:
    return read(4, 4) == b"ftyp"


def _box_size(header: bytes) -> int | None:
    """Return a box's size; None where none begins, or one that ends with the file."""
    if len(header) < 8:
        return None
    size = int.from_bytes(header[:4], "big")
    if size == 1 and len(header) == 16:
        size = int.from_bytes(header[8:], "big")
    return size if size >= 8 else None
