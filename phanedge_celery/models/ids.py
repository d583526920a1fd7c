"""The vendor's ids, which are text wherever we handle them."""

from __future__ import annotations

import re

from ..errors import RequestInvalid
from .texts import plain_text

_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,127}")
_WIDEST = 10**128


def job_id_of(value: object) -> str:
    """Return a caller's job id as text: a ``task_id``, or a ``video_<ULID>``.

    An int is taken as its digits. Raises `RequestInvalid` for all that could steer
    a URL or cannot be an id (contract, rule 4).
    """
    return _id_of(value, "job_id")


def file_id_of(value: object) -> str:
    """Return a caller's file id as text; like `job_id_of`."""
    return _id_of(value, "file_id")


def wire_id(value: object) -> str | None:
    """Return an id that the service sent, None when it sent none: ``""``, 0, null."""
    text = _as_text(value)
    return text if text and text != "0" and _ID.fullmatch(text) else None


def _id_of(value: object, name: str) -> str:
    text = _as_text(value)
    if text is None or not _ID.fullmatch(text):
        raise RequestInvalid(
            f"{name} must be 1 to 128 letters, digits, '_' or '-', as in"
            f" '106916112212032'; got {_named(value)}"
        )
    return text


def _as_text(value: object) -> str | None:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _WIDEST:
        return str(value)
    return None


def _named(value: object) -> str:
    if isinstance(value, str):
        return plain_text(repr(value[:40]), 60)
    return "None" if value is None else type(value).__name__
