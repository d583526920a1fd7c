"""The one JSON text that stands for a value."""

from __future__ import annotations

import json
from typing import Any

from ..errors import RequestInvalid
from .records import Record
from .texts import plain_text


def canonical(value: object) -> bytes:
    """Return *value* as the one JSON text that stands for it.

    Raises `RequestInvalid` when it is no JSON: NaN, a date, half a character, a value
    that holds itself.
    """
    try:
        text = json.dumps(
            value,
            allow_nan=False,
            ensure_ascii=False,
            sort_keys=True,
            separators=(",", ":"),
            default=_own_json,
        )
        return text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise RequestInvalid(f"the request is no JSON: {_why(error)}") from error


def _own_json(value: Any) -> Any:
    if isinstance(value, Record):
        return value.__json__()
    raise TypeError(f"{type(value).__name__} is no JSON type")


def _why(error: Exception) -> str:
    if isinstance(error, UnicodeEncodeError):
        return "half a surrogate pair in a text"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return plain_text(str(error), 100)
