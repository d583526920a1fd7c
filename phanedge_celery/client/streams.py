"""A file, read piece by piece from wherever its URL leads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from urllib3 import BaseHTTPResponse

from ..answers import MAX_BODY, Reply, Trouble, read_download
from ..answers.download import RESTART, truncated
from ..answers.trouble import TOLERANCE
from ..errors import DownloadFailed
from ..models import FileRecord
from .line import BROKEN
from .sockets import reason_of

CHUNK: Final = 1 << 19
"""The most bytes that a stream yields at once."""

bytearray(16 * CHUNK)
# glibc keeps twice as much free memory as the largest block that it has given back; one
# that nobody touched teaches it not to fetch each piece from the system anew, which is
# a third of the time of a save.

_HEAD: Final = 1024
_RANGE: Final = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


class Interrupted(Exception):
    """A download stops here; `trouble` tells whether it is worth going on."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(str(trouble.error))
        self.trouble = trouble


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked for: a URL, from which byte, and how long it may take."""

    url: str
    start: int = 0
    etag: str | None = None
    """Go on from *start* only if the file is still this one."""
    within: float = 600.0
    """Seconds for all of it; what is missing then is for another attempt."""
    authorization: str | None = None
    """For the service's own origin alone."""
    file_id: str = ""
    job_id: str | None = None

    def stop(self, kind: str, message: str, limit: int | None = 0) -> Interrupted:
        error = DownloadFailed(message, None, self.job_id)
        return Interrupted(Trouble(error=error, kind=kind, limit=limit))

    def broke_off(self, error: BaseException) -> Interrupted:
        return Interrupted(truncated(reason_of(error), self.job_id))


class Stream:
    """A file that is being read: iterate over it for pieces of at most `CHUNK` bytes.

    Iteration, once only, raises `Interrupted` when the file breaks off or is larger
    than allowed.
    """

    def __init__(
        self, response: BaseHTTPResponse, wanted: Wanted, head: bytes, limit: int
    ) -> None:
        self._response, self._wanted = response, wanted
        self._head, self._limit = head, limit
        self.start, self.size = _extent(response, wanted)
        """The first byte's place in the file, 0 if the host gives all of it; and the
        size of the whole, None if unknown."""
        self.etag: str | None = response.headers.get("etag")
        self.content_type: str | None = response.headers.get("content-type")
        self._check(self.size or 0)

    def __iter__(self) -> Iterator[bytes]:
        place, chunk = self.start, self._head
        while chunk:
            place += len(chunk)
            self._check(place)
            yield chunk
            chunk = read(self._response, CHUNK, self._wanted, soon=True)

    def _check(self, size: int) -> None:
        if size > self._limit:
            message = f"The file has more than phanedge_max_bytes ({self._limit})"
            raise self._wanted.stop("too_large", message)


def begin(
    response: BaseHTTPResponse, wanted: Wanted, limit: int
) -> Stream | FileRecord:
    """Look at an answer's first bytes: a file begins, or is described instead.

    Raises `Interrupted` for all that is no file (contract, 4.2 and 4.3).
    """
    head = read(response, _HEAD, wanted)
    verdict = _verdict(response, wanted, head)
    if verdict is not None:
        head += read(response, MAX_BODY, wanted)
        verdict = _verdict(response, wanted, head)
    if isinstance(verdict, Trouble):
        raise Interrupted(verdict)
    if verdict is not None:
        return verdict
    if not head:
        raise Interrupted(truncated("it is empty", wanted.job_id))
    _refuse_encoded(response, wanted)
    return Stream(response, wanted, head, limit)


def read(
    response: BaseHTTPResponse, most: int, wanted: Wanted, *, soon: bool = False
) -> bytes:
    """Return up to *most* bytes as they came, none at the end.

    *soon*: what is there, however little, so that a slow file shows how far it is.
    """
    try:
        return response.read1(most) if soon else response.read(most)
    except BROKEN as error:
        raise wanted.broke_off(error) from error


def _verdict(
    response: BaseHTTPResponse, wanted: Wanted, head: bytes
) -> FileRecord | Trouble | None:
    return read_download(
        Reply(response.status, response.headers, head),
        wanted.file_id,
        wanted.job_id,
        gateway=wanted.authorization is not None,
    )


def _refuse_encoded(response: BaseHTTPResponse, wanted: Wanted) -> None:
    encoding = response.headers.get("content-encoding", "identity")
    if encoding.strip().lower() not in ("", "identity"):
        message = f"The file comes as {encoding[:20]!r}, which was not asked for"
        raise wanted.stop("encoded", message, TOLERANCE)


def _extent(response: BaseHTTPResponse, wanted: Wanted) -> tuple[int, int | None]:
    length = response.length_remaining
    if response.status != 206:
        given = response.headers.get("content-length", "")
        return 0, int(given) if given.isdecimal() and length is not None else None
    found = _RANGE.match(response.headers.get("content-range", ""))
    if found is None or int(found[1]) != wanted.start:
        raise wanted.stop(RESTART, "The host gave another part of the file", TOLERANCE)
    return wanted.start, None if found[2] == "*" else int(found[2])
