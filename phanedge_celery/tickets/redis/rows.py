"""A ticket as Redis keeps it: texts, and no byte that says nothing."""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from typing import Any, Final

from ...models import JobStatus
from .. import rows
from ..rows import Row, Scalar
from ..ticket import Ticket

ALWAYS: Final = frozenset({"version", "stage"})
UNSAID: Final = {"retrieve": True, "polls": 0, "resends": 0, "format": 1}
OURS: Final = "phanedge."
SHORT: Final = {
    "request_sha256": "sha",
    "model": "mod",
    "resolution": "res",
    "save_to": "to",
    "job_id": "job",
    "status": "is",
    "history": "was",
    "polls": "n",
    "submitted_at": "sub",
}
"""What no script reads, and most waiting tickets have."""
WORDS: Final = tuple(
    str(status)
    for status in (
        JobStatus.PREPARING,
        JobStatus.QUEUEING,
        JobStatus.PROCESSING,
        JobStatus.SUCCESS,
        JobStatus.FAIL,
        JobStatus.CANCELLED,
        JobStatus.EXPIRED,
    )
)
"""A history names them by their places here, so a new one goes to the end."""

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_IN_BASE64: Final = 43
_WHOLE: Final = {short: name for name, short in SHORT.items()}


def texts(id: str, row: Row) -> dict[str, str]:
    """Return the fields that say more than a missing one would."""
    found = {
        name: _text(value)
        for name, value in row.items()
        if value is not None and (name in ALWAYS or value != UNSAID.get(name))
    }
    for name, lean in _LEAN.items():
        if name in found:
            found[name] = lean(id, found[name])
    return {short(name): text for name, text in found.items()}


def short(name: str) -> str:
    """Return under which name Redis keeps a field."""
    return SHORT.get(name, name)


def pairs(texts: Mapping[str, str]) -> Iterable[str]:
    for pair in texts.items():
        yield from pair


def row(id: str, packed: str) -> dict[str, Any]:
    """Return a row from what the scripts return: field, value, …, as JSON."""
    fields = iter(json.loads(packed))
    kept = zip(fields, fields, strict=True)
    found = {**{_WHOLE.get(name, name): text for name, text in kept}, "id": id}
    if len(found.get("request_sha256", "")) == _IN_BASE64:
        found["request_sha256"] = b64decode(found["request_sha256"] + "=").hex()
    if found.get("message", "").startswith("["):
        found["message"] = _whole_message(id, json.loads(found["message"]))
    if "history" in found:
        found["history"] = _whole_history(json.loads(found["history"]))
    return found


def unpacked(id: str, packed: str) -> Ticket:
    """Return the ticket that a script has returned."""
    return rows.ticket(row(id, packed))


def _text(value: Scalar) -> str:
    if isinstance(value, bool):
        return str(int(value))
    return value if isinstance(value, str) else repr(value)


def _lean_sha256(_: str, text: str) -> str:
    if not _SHA256.fullmatch(text):
        return text
    return b64encode(bytes.fromhex(text)).decode().rstrip("=")


def _lean_message(id: str, text: str) -> str:
    """Return a message without names, id, and parts that are empty."""
    message = json.loads(text)
    options = message.get("options") or {}
    parts = [
        str(message.get("task")).removeprefix(OURS),
        message.get("args"),
        message.get("kwargs"),
        {name: value for name, value in options.items() if name != "task_id"},
    ]
    while len(parts) > 1 and not parts[-1]:
        parts.pop()
    return rows.compact(parts) if _whole_message(id, parts) == message else text


def _whole_message(id: str, parts: list[Any]) -> dict[str, Any]:
    empty: list[Any] = [[], {}, {}]
    name, args, kwargs, options = parts + empty[len(parts) - 1 :]
    whole = {"task_id": id, **options}
    return {"task": OURS + name, "args": args, "kwargs": kwargs, "options": whole}


def _lean_history(_: str, text: str) -> str:
    """Return word, seconds, …, where a known word is a number."""
    parts: list[Any] = []
    for word, seconds in json.loads(text).items():
        parts += [WORDS.index(word) if word in WORDS else word, seconds]
    return rows.compact(parts)


def _whole_history(parts: list[Any]) -> dict[str, float]:
    each = iter(parts)
    return {
        WORDS[word] if isinstance(word, int) else word: seconds
        for word, seconds in zip(each, each, strict=True)
    }


_LEAN: Final = {
    "message": _lean_message,
    "request_sha256": _lean_sha256,
    "history": _lean_history,
}
