"""Bodies that replace or spoil what an endpoint would say."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from email.utils import formatdate
from typing import Any

from .faults import Fault
from .samples import sample_named
from .wire import Answer, Request

PLACES = ("job_id", "platform_id", "file_id", "download_url")


def filled(text: str, facts: Mapping[str, Any]) -> str:
    """Return *text* with `{job_id}`, `{download_url}` and so on put in."""
    for place in PLACES:
        if place in facts:
            text = text.replace("{" + place + "}", str(facts[place]))
    return text


def changed(body: Mapping[str, Any], facts: Mapping[str, Any]) -> Any:
    """Return *body* with the places in its texts filled."""
    return json.loads(filled(json.dumps(body), facts)) if facts else dict(body)


def spoilt(
    fault: Fault, own: Answer | None, facts: Mapping[str, Any], request: Request
) -> Answer:
    """Return the answer that *fault* makes of the endpoint's *own*."""
    if fault.replaces or own is None:
        own = _replacement(fault, facts)
    body = own.body
    if fault.pad and isinstance(body, bytes):
        body += b" " * fault.pad
    headers = {**own.headers, **fault.headers, **_extra(fault, facts, request)}
    return Answer(own.status, body, headers)


def _replacement(fault: Fault, facts: Mapping[str, Any]) -> Answer:
    if fault.sample is not None:
        return played(fault.sample, {} if fault.verbatim else facts, fault.status)
    status = fault.status or (302 if fault.location else 200)
    body, kind = fault.body, "text/html"
    if isinstance(body, Mapping):
        body = json.dumps(body, ensure_ascii=False)
    if body and body.lstrip()[:1] in "{[":
        kind = "application/json"
    text = filled(body or "", facts)
    return Answer(status, text.encode(), {"Content-Type": f"{kind}; charset=utf-8"})


def played(name: str, facts: Mapping[str, Any], status: int | None = None) -> Answer:
    """Return a sample as an answer."""
    sample = sample_named(name)
    kind = {"Content-Type": f"{sample.content_type}; charset=utf-8"}
    return Answer(status or sample.status, sample.render(facts).encode(), kind)


def _extra(
    fault: Fault, facts: Mapping[str, Any], request: Request
) -> Mapping[str, str]:
    headers = {}
    if fault.retry_after is not None:
        headers["Retry-After"] = f"{fault.retry_after:g}"
    if fault.retry_after_date is not None:
        headers["Retry-After"] = _date_in(fault.retry_after_date)
    if fault.location is not None:
        here = fault.location == "self"
        headers["Location"] = request.target if here else filled(fault.location, facts)
    return headers


def _date_in(seconds: float) -> str:
    return formatdate(time.time() + seconds, usegmt=True)
