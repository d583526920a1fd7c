"""One POST of the fake to a receiver of callbacks."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

TIMEOUT = 3
"""Seconds that a receiver has for its answer; contract, section 6."""


@dataclass(frozen=True, slots=True)
class Called:
    """What was sent to a receiver, and what it answered."""

    url: str
    body: Mapping[str, Any]
    status: int | None
    """None when no answer came."""
    answer: str
    """The body of the answer, or what went wrong."""


def call(url: str, body: Mapping[str, Any]) -> Called:
    """POST *body* as JSON."""
    try:
        status, answer = _post(url, json.dumps(body))
    except (OSError, HTTPException, ValueError) as problem:
        return Called(url, body, None, str(problem))
    return Called(url, body, status, answer)


def challenge() -> Mapping[str, str]:
    """Return a new body for the handshake."""
    return {"challenge": str(uuid.uuid4())}


def met(called: Called) -> bool:
    """Has the receiver answered the challenge rightly?"""
    try:
        answer = json.loads(called.answer)
    except ValueError:
        return False
    return called.status == 200 and answer == called.body


def _post(url: str, text: str) -> tuple[int, str]:
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    kind = HTTPSConnection if secure else HTTPConnection
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    with closing(kind(parts.hostname or "", parts.port, timeout=TIMEOUT)) as connection:
        headers = {"Content-Type": "application/json"}
        connection.request("POST", target, text, headers)
        with connection.getresponse() as response:
            return response.status, response.read().decode("utf-8", "replace")
