"""The name under which a file is kept."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from ..errors import RequestInvalid
from ..models import plain_text

LONGEST_NAME: Final = 1024
"""Bytes in UTF-8: what a key in S3 may have."""

LONGEST_SEGMENT: Final = 255
"""Bytes in UTF-8: what a file name may have."""

HIDDEN: Final = ".phanedge"
"""The folder of temporary files, so no segment of a name."""

_PLACES: Final = ("{job_id}", "{file_id}")
_PLACE: Final = re.compile(r"\{(?:job_id|file_id)\}")


def check_name(name: object, of: str = "save_to") -> str:
    """Return *name*, the `save_to` of a caller, if a file can be kept under it.

    It is relative, with ``/`` between its segments; ``{job_id}`` and ``{file_id}``
    stand for the ids. Raises `RequestInvalid`, which says what the name is *of*.
    """
    if not isinstance(name, str):
        raise _unfit(of, repr(name), f"must be a text, not {type(name).__name__}")
    if reason := _fault(name) or _fault_of_places(name):
        raise _unfit(of, name, reason)
    return name


def filled(name: str, *, job_id: str | None, file_id: str | None) -> str:
    """Return *name* with the ids in their places. Raises `RequestInvalid`."""
    ids = {"{job_id}": job_id, "{file_id}": file_id}
    if missing := [place for place in _PLACES if place in name and not ids[place]]:
        raise _unfit("save_to", name, f"needs {missing[0]}, which is not known")
    full = _PLACE.sub(lambda found: ids[found[0]] or "", check_name(name))
    return check_name(full)


def _fault(name: str) -> str | None:
    """Return what is wrong with *name* as a whole, or with one of its segments."""
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in name):
        return "must have no control characters"
    if name.startswith("/") or "\\" in name:
        return "must be relative, with / between its segments"
    if len(name.encode()) > LONGEST_NAME:
        return f"must have at most {LONGEST_NAME} bytes"
    return next(filter(None, map(_fault_of_segment, name.split("/"))), None)


def _fault_of_segment(segment: str) -> str | None:
    if segment in ("", ".", ".."):
        return f"must have no segment {segment!r}"
    if segment == HIDDEN:
        return f"must have no segment {HIDDEN!r}; temporary files lie there"
    if len(segment.encode()) > LONGEST_SEGMENT:
        return f"must have segments of at most {LONGEST_SEGMENT} bytes"
    return None


def _fault_of_places(name: str) -> str | None:
    rest = _PLACE.sub("", name)
    if "{" in rest or "}" in rest:
        return "may have {job_id} and {file_id} in braces, nothing else"
    return None


def _unfit(of: str, name: str, reason: str) -> RequestInvalid:
    return RequestInvalid(f"{of} {reason}; got {plain_text(repr(name), 80)}")
