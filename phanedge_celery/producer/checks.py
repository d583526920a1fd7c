"""What a caller says beside the request, refused at once where it can mean nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from celery import Celery
from celery.utils.time import maybe_make_aware

from ..errors import RequestInvalid

LONGEST: Final = {"key": 1000, "task_id": 255}
"""Characters."""


def check_name(what: str, name: object) -> None:
    """Refuse what names no attempt: an empty key would be one job for everybody.

    *what* is ``key`` or ``task_id``. Raises `RequestInvalid`.
    """
    if name is None:
        return
    if not isinstance(name, str) or not name.strip():
        raise RequestInvalid(f"{what} must be a text, not empty; got {name!r:.40}")
    if len(name) > (longest := LONGEST[what]) or not name.isprintable():
        raise RequestInvalid(
            f"{what} must be at most {longest} printable characters; got {name!a:.40}"
        )


def check_wait(max_wait: object) -> None:
    """Refuse what is no number of seconds. Raises `RequestInvalid`."""
    if max_wait is None:
        return
    number = isinstance(max_wait, int | float) and not isinstance(max_wait, bool)
    if not (number and 0 < max_wait < math.inf):  # type: ignore[operator]
        raise RequestInvalid(f"max_wait must be seconds, above 0; got {max_wait!r:.40}")


def due(app: Celery, options: Mapping[str, Any], now: float) -> float:
    """Return when a first message is due, by its ``eta`` or ``countdown``.

    Raises `RequestInvalid`.
    """
    eta, countdown = options.get("eta"), options.get("countdown")
    try:
        if eta is None:
            return now + float(countdown or 0)
        moment = datetime.fromisoformat(eta) if isinstance(eta, str) else eta
        return float(maybe_make_aware(moment, app.timezone).timestamp())
    except (AttributeError, TypeError, ValueError) as error:
        given = {"countdown": countdown} if eta is None else {"eta": eta}
        raise RequestInvalid(f"no time to begin at: {given!r:.60}") from error
