"""The host of the video files, behind URLs that are signed and expire."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from .clips import Clip, tiny_mp4
from .jobs import Job
from .wire import Answer, Request

PREFIX = "/files/"
FILENAME = "output_aigc.mp4"
SECRET = b"phanedge-fake"
RANGE = re.compile(r"bytes=(\d*)-(\d*)$")
ACCESS_DENIED = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n'
    b"<Error><Code>AccessDenied</Code><Message>Request has expired.</Message></Error>"
)


@dataclass(frozen=True, kw_only=True)
class FileTraits:
    """How the host behaves."""

    size: int | None = None
    """Bytes of a file; None is a real MP4 of about 2 kB."""
    host: str | None = None
    """Host name of the URLs, for instance `localhost`; None is that of the request."""
    lifetime: float = 3600
    """Seconds until a URL answers 403."""
    ranges: bool = True
    etag: bool = True
    content_length: bool = True
    content_type: str = "video/mp4"


def clip_of(job: Job, traits: FileTraits) -> Clip:
    """Return the content of the job's file."""
    size = job.size if job.size is not None else traits.size
    seed = f"{job.file_id}/{job.edition}"
    return Clip(seed, len(tiny_mp4()) + 48 if size is None else size)


def signed_path(job: Job, expires: float) -> str:
    """Return path and query of a download URL."""
    signature = _signature(job, f"{expires:.3f}")
    query = urlencode({"Expires": f"{expires:.3f}", "Signature": signature})
    return f"{PREFIX}{job.file_id}/{FILENAME}?{query}"


def is_signed(job: Job, query: Mapping[str, str], now: float) -> bool:
    """Was this URL handed out, and is it still good?"""
    expires = query.get("Expires", "")
    if query.get("Signature") != _signature(job, expires):
        return False
    return now < float(expires)


def _signature(job: Job, expires: str) -> str:
    signed = f"{job.file_id}/{job.signing}/{expires}".encode()
    return hmac.new(SECRET, signed, hashlib.sha256).hexdigest()[:40]


def refused() -> Answer:
    """Return what the host says to an expired URL."""
    return Answer(403, ACCESS_DENIED, {"Content-Type": "application/xml"})


def serve(request: Request, clip: Clip, traits: FileTraits) -> Answer:
    """Return the file, or the range of it that is asked for."""
    headers = {"Content-Type": traits.content_type}
    if traits.etag:
        headers["ETag"] = clip.etag
    if not traits.ranges:
        return Answer(200, clip.stretch(), headers)
    headers["Accept-Ranges"] = "bytes"
    asked = request.headers.get("range", "")
    if request.headers.get("if-range", clip.etag) != clip.etag:
        asked = ""
    return _part(clip, asked, headers)


def _part(clip: Clip, asked: str, headers: Mapping[str, str]) -> Answer:
    found = RANGE.match(asked)
    if found is None or found[0] == "bytes=-":
        return Answer(200, clip.stretch(), headers)
    start, stop = _bounds(found[1], found[2], clip.size)
    if start >= stop:
        whole = {**headers, "Content-Range": f"bytes */{clip.size}"}
        return Answer(416, b"", whole)
    shown = f"bytes {start}-{stop - 1}/{clip.size}"
    return Answer(206, clip.stretch(start, stop), {**headers, "Content-Range": shown})


def _bounds(first: str, last: str, size: int) -> tuple[int, int]:
    if not first:
        return max(size - int(last), 0), size
    return int(first), min(int(last) + 1, size) if last else size
