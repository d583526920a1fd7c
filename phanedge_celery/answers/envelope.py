"""What a body says went wrong, in any of its four envelopes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..models import plain_text
from .codes import GATEWAY, VENDOR, Kind, by_status
from .reply import Reply

LONGEST_TEXT: Final = 200
"""Characters of a message or a page that are kept."""

_CODE = re.compile(r"\((\d{3,6})\)")
_CODE_LAST = re.compile(r"\((\d{3,6})\)\s*\Z")
_REQUEST_ID = re.compile(r"\s*\(request id: ?([\w-]{1,100})\)\s*\Z")
_INTEGER = re.compile(r"-?\d{1,18}", re.ASCII)
_WIDEST = 10**18


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What went wrong, as the service says it; the body beats the HTTP status."""

    kind: Kind
    code: int | str | None = None
    text: str = ""
    vendor: bool = False
    """Is *code* the vendor's (table 5.2), so about the gateway's account there?"""


def fault_of(reply: Reply, body: Mapping[str, Any] | None) -> Fault | None:
    """Return what *reply* complains of, None when of nothing (contract, 5.1)."""
    if body is None:
        return _by_status(reply, None, plain_text(_decoded(reply.body), LONGEST_TEXT))
    error = body.get("error")
    if code := base_code(body):
        return vendor_fault(code, base_text(body))
    if isinstance(error, Mapping):
        is_vendor = body.get("type") == "error"
        return (_m2 if is_vendor else _g1)(reply, error)
    if "message" in body:
        return _g2(reply, body)
    return _by_status(reply, None, text_of(error))


def base_code(body: Mapping[str, Any]) -> int | str | None:
    """Return ``base_resp.status_code`` (envelope M1); None or 0 when all is well."""
    base = body.get("base_resp")
    return code_of(base.get("status_code")) if isinstance(base, Mapping) else None


def base_text(body: Mapping[str, Any]) -> str:
    base = body.get("base_resp")
    return text_of(base.get("status_msg")) if isinstance(base, Mapping) else ""


def vendor_fault(code: int | str, text: str) -> Fault:
    kind = VENDOR.get(code, "unknown") if isinstance(code, int) else "unknown"
    return Fault(kind=kind, code=code, text=text, vendor=True)


def code_of(value: object) -> int | str | None:
    """Return a code: digits in a text count as the number, a word stays a word."""
    if isinstance(value, str):
        word = value.strip()
        return int(word) if _INTEGER.fullmatch(word) else plain_text(word, 64) or None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value) if value % 1 == 0 and abs(value) < _WIDEST else str(value)


def text_of(value: object) -> str:
    """Return a message that the service sent: without its request id, bounded."""
    if isinstance(value, Mapping):
        value = value.get("message")
    if not isinstance(value, str):
        return ""
    return plain_text(_REQUEST_ID.sub("", value[: 8 * LONGEST_TEXT]), LONGEST_TEXT)


def _m2(reply: Reply, error: Mapping[str, Any]) -> Fault | None:
    text = text_of(error)
    if found := _CODE_LAST.search(text):
        return vendor_fault(int(found[1]), text)
    code = code_of(error.get("http_code"))
    kind = by_status(code if isinstance(code, int) else reply.status, text)
    return Fault(kind=kind, text=text, vendor=True) if kind else None


def _g1(reply: Reply, error: Mapping[str, Any]) -> Fault | None:
    return _by_gateway_code(reply, error.get("code"), text_of(error))


def _g2(reply: Reply, body: Mapping[str, Any]) -> Fault | None:
    return _by_gateway_code(reply, body.get("code"), text_of(body))


def _by_gateway_code(reply: Reply, code: object, text: str) -> Fault | None:
    word = plain_text(code, 64) if isinstance(code, str) else ""
    if word in GATEWAY:
        return Fault(kind=GATEWAY[word], code=word, text=text)
    return _by_status(reply, word or None, text)


def _by_status(reply: Reply, code: str | None, text: str) -> Fault | None:
    kind = by_status(reply.status, f"{text} {code}")
    return Fault(kind=kind, code=code, text=text) if kind else None


def known_code_in(text: str) -> int | None:
    """Return the vendor's code that a text mentions as ``(dddd)``, if we know it."""
    codes = (int(found) for found in _CODE.findall(text))
    return next((code for code in codes if code in VENDOR), None)


def request_id(reply: Reply, body: Mapping[str, Any] | None) -> str | None:
    """Return the ids under which the service and the vendor know this call."""
    named = (reply.header("x-oneapi-request-id"), reply.header("trace-id"))
    ids = [plain_text(name, 100) for name in named if name]
    tail = _REQUEST_ID.search(_message(body)) if body else None
    return ", ".join(dict.fromkeys(ids)) or (tail and tail[1]) or _m2_request_id(body)


def _message(body: Mapping[str, Any]) -> str:
    error = body.get("error")
    text = (error if isinstance(error, Mapping) else body).get("message")
    return text[-200:] if isinstance(text, str) else ""


def _m2_request_id(body: Mapping[str, Any] | None) -> str | None:
    value = body.get("request_id") if body else None
    return plain_text(value, 100) or None if isinstance(value, str) else None


def _decoded(body: bytes) -> str:
    start = body[: 8 * LONGEST_TEXT].decode("utf-8", "replace")
    return " ".join(start.split())
