"""A stored file over HTTP, in parts where a browser asks for parts (RFC 9110)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from django.core.files.storage import Storage
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse

CHUNK = 1 << 16


def serve(request: HttpRequest, storage: Storage, name: str, tag: str) -> HttpResponse:
    """Return the file *name* as MP4: whole, or the one range that was asked for.

    *tag* is an ETag that changes with the content. Without ranges Safari plays
    nothing, and no browser can seek.
    """
    size = storage.size(name)
    asked = _asked(request, tag)
    first, last = _span(asked, size) if asked else (0, size - 1)
    if first > last:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    answer = StreamingHttpResponse(
        _bytes(storage.open(name), first, last - first + 1),
        status=206 if asked else 200,
        content_type="video/mp4",
        headers={
            "Accept-Ranges": "bytes",
            "Cache-Control": "private, max-age=3600",
            "Content-Length": str(last - first + 1),
            "ETag": tag,
        },
    )
    if asked:
        answer["Content-Range"] = f"bytes {first}-{last}/{size}"
    return answer


def _asked(request: HttpRequest, tag: str) -> tuple[str, str] | None:
    """Return first and last byte as they were asked for; None for the whole file."""
    found = re.fullmatch(r"bytes=(\d*)-(\d*)", request.headers.get("Range", ""))
    if not found or request.headers.get("If-Range", tag) != tag:
        return None
    return (found[1], found[2]) if any(found.groups()) else None


def _span(asked: tuple[str, str], size: int) -> tuple[int, int]:
    """Return the first and the last byte to send; none if the first lies behind."""
    first, last = asked
    if not first:
        return max(size - int(last), 0), size - 1
    return int(first), min(int(last or size), size - 1)


def _bytes(file: Any, first: int, length: int) -> Iterator[bytes]:
    with closing(file):
        file.seek(first)
        while length > 0 and (chunk := file.read(min(CHUNK, length))):
            length -= len(chunk)
            yield chunk
