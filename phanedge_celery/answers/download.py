"""What the answer to a download means (contract, 4.2 for a file host, 4.3 for E4)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

from ..errors import DownloadFailed
from ..models import FileRecord
from .facts import Facts
from .file import read_file
from .reply import NoReply, Reply, retry_after
from .trouble import TOLERANCE, Trouble

REFRESH: Final = "refresh"
"""The URL is refused: one new files/retrieve, then one new download."""

RESTART: Final = "restart"
"""No such range: the file is another one now, so begin at its first byte."""

TRUNCATED: Final = "truncated"
"""The file ended early; go on where it ended, or from its first byte."""

_EXPIRED: Final = frozenset({400, 401, 403, 404, 410})
_CAN_PASS: Final = frozenset({408, 425, 429})


def read_download(
    reply: Reply | NoReply,
    file_id: str,
    job_id: str | None = None,
    *,
    gateway: bool = False,
    now: datetime | None = None,
    plain_hosts: Collection[str] = (),
) -> FileRecord | Trouble | None:
    """Decide what to do with the beginning of a download; None: it is the video.

    *reply* holds the first bytes of the body; of a body that begins with ``{`` or
    ``<`` all of it. *gateway* tells files/retrieve_content, which may answer a file's
    description in place of the file, from a file host.
    """
    if isinstance(reply, NoReply):
        return truncated(reply.reason, job_id)
    if reply.status == 206 or (reply.status == 200 and not _is_document(reply.body)):
        return None
    if gateway and not reply.body.startswith(b"<"):
        return read_file(reply, file_id, job_id, now=now, plain_hosts=plain_hosts)
    return _of_file_host(Facts.of(reply, job_id, now))


def truncated(
    reason: str, job_id: str | None, http_status: int | None = None
) -> Trouble:
    """Return what a download that broke off means: go on, or begin again."""
    message = f"The download broke off: {reason}"
    error = DownloadFailed(message, None, job_id, http_status)
    return Trouble(error=error, kind=TRUNCATED, limit=None)


def _is_document(start: bytes) -> bool:
    """Do these first bytes belong to an error, whatever the headers say?"""
    return start[4:8] != b"ftyp" and start.lstrip()[:1] in (b"{", b"<")


def _of_file_host(facts: Facts) -> Trouble:
    status = facts.reply.status
    error = facts.error(DownloadFailed, f"The file host answered {status}")
    if status in _EXPIRED:
        return Trouble(error=error, kind=REFRESH, limit=1)
    if status == 416:
        return Trouble(error=error, kind=RESTART, limit=TOLERANCE)
    if 400 <= status < 500 and status not in _CAN_PASS:
        return Trouble(error=error, kind="refused", limit=0)
    if status < 400:
        message = "The file host sent an error page in place of the file"
        error = facts.error(DownloadFailed, message)
    wait = retry_after(facts.reply, facts.now)
    return Trouble(error=error, kind="retry", limit=None, retry_after=wait)
