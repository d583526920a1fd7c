"""One reply as it came, read with every bound that hostile bytes call for."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, Final

MAX_BODY: Final = 1 << 20
"""Bytes of a JSON answer; a longer one is not read."""

LONGEST_WAIT: Final = 3600.0
"""Seconds; a `Retry-After` beyond is taken as this."""

_LONGEST_NUMBER = 128
_SECONDS = re.compile(r"\d{1,12}(\.\d*)?")


@dataclass(frozen=True, slots=True)
class NoReply:
    """A call that got no complete reply."""

    sent: bool
    """May the service have got the request? Only a connection that was never
    established says no."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete reply; of its body at least the first `MAX_BODY` + 1 bytes."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """Return a header's value; *name* in lower case."""
        for key, value in self.headers.items():
            if key.lower() == name:
                return value.strip()
        return None

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


def json_object(body: bytes) -> dict[str, Any] | None:
    """Return *body* as a JSON object, None when it is none, broken or too long."""
    if len(body) > MAX_BODY:
        return None
    try:
        value = json.loads(
            body.decode("utf-8-sig", "replace"),
            parse_int=_whole,
            parse_constant=_nothing,
        )
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _whole(digits: str) -> int | None:
    """Read exactly, but no number that Python itself refuses to read."""
    return int(digits) if len(digits) <= _LONGEST_NUMBER else None


def _nothing(_: str) -> None:
    """Read NaN and Infinity, which are no JSON, as null."""


def retry_after(reply: Reply, now: datetime | None = None) -> float | None:
    """Return the seconds that the service asks to wait, at most an hour.

    A date is measured against the reply's own `Date` header, else against *now*.
    """
    asked = reply.header("retry-after")
    if not asked:
        return None
    if _SECONDS.fullmatch(asked):
        return min(float(asked), LONGEST_WAIT)
    until, since = _date(asked), _date(reply.header("date")) or now
    if until is None or since is None:
        return None
    return min(max((until - since).total_seconds(), 0.0), LONGEST_WAIT)


def _date(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
