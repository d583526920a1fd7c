"""A ticket as Redis keeps it: texts, and no byte that says nothing."""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from typing import Any, Final

from .rows import Row, Scalar

ALWAYS: Final = frozenset({"version", "stage"})
UNSAID: Final = {"retrieve": True, "polls": 0, "resends": 0, "format": 1}
OURS: Final = "phanedge."

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_IN_BASE64: Final = 43
_compact = json.JSONEncoder(separators=(",", ":")).encode


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
    return found


def pairs(texts: Mapping[str, str]) -> Iterable[str]:
    for pair in texts.items():
        yield from pair


def row(id: str, packed: str) -> dict[str, Any]:
    """Return a row from what the scripts return: field, value, …, as JSON.

    Rows of the first shape, with nothing made shorter, are understood.
    """
    fields = iter(json.loads(packed))
    found = {**dict(zip(fields, fields, strict=True)), "id": id}
    if len(found.get("request_sha256", "")) == _IN_BASE64:
        found["request_sha256"] = b64decode(found["request_sha256"] + "=").hex()
    if found.get("message", "").startswith("["):
        found["message"] = _whole_message(id, json.loads(found["message"]))
    return found


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
    return _compact(parts) if _whole_message(id, parts) == message else text


def _whole_message(id: str, parts: list[Any]) -> dict[str, Any]:
    empty: list[Any] = [[], {}, {}]
    name, args, kwargs, options = parts + empty[len(parts) - 1 :]
    whole = {"task_id": id, **options}
    return {"task": OURS + name, "args": args, "kwargs": kwargs, "options": whole}


_LEAN: Final = {"message": _lean_message, "request_sha256": _lean_sha256}
