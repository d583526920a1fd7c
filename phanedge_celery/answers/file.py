"""What the reply to files/retrieve means (contract, 4.1)."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timezone
from typing import Final

from ..errors import FileUnavailable
from ..models import FileRecord, plain_text
from ..models.ids import wire_id
from .envelope import code_of
from .facts import Facts, no_reply, put_up_with
from .reply import NoReply, Reply
from .trouble import TOLERANCE, Trouble
from .urls import web_url

MISSING: Final = "missing_file"

_URLS: Final = ("download_url", "backup_download_url")
_YEAR_2200: Final = 7_258_118_400
_LARGEST: Final = 1 << 50

Verdict = FileRecord | Trouble | None


def read_file(
    reply: Reply | NoReply,
    file_id: str,
    job_id: str | None = None,
    *,
    now: datetime | None = None,
    plain_hosts: Collection[str] = (),
) -> FileRecord | Trouble:
    """Decide whether the file can be had: its description, with a URL, if it can.

    Trouble of the kind ``missing_file`` means that there is no URL yet.
    *plain_hosts* as in `web_url`.
    """
    if isinstance(reply, NoReply):
        return no_reply(reply, job_id)
    facts = Facts.of(reply, job_id, now)
    file = _described(facts, file_id, plain_hosts)
    return next(
        verdict for line in _LINES if (verdict := line(facts, file)) is not None
    )


def _can_pass(facts: Facts, file: FileRecord | None) -> Verdict:
    fault = facts.fault
    if fault is None or fault.kind not in ("retry", "rate_limited"):
        return None
    if fault.code == "download_url_missing":
        return facts.trouble(fault, FileUnavailable, kind=MISSING, limit=TOLERANCE)
    return put_up_with(facts, fault, invalid=0)


def _has_a_url(facts: Facts, file: FileRecord | None) -> Verdict:
    return file if file and file.download_url and facts.reply.ok else None


def _refused(facts: Facts, file: FileRecord | None) -> Verdict:
    return put_up_with(facts, facts.fault, invalid=0) if facts.fault else None


def _cannot_be_read(facts: Facts, file: FileRecord | None) -> Verdict:
    return facts.again("The answer cannot be read") if facts.body is None else None


def _has_no_url(facts: Facts, file: FileRecord | None) -> Trouble:
    message = "The service has no download URL for the file"
    error = facts.error(FileUnavailable, message)
    return Trouble(error=error, kind=MISSING, limit=TOLERANCE)


_LINES: Final[tuple[Callable[[Facts, FileRecord | None], Verdict], ...]] = (
    _can_pass,
    _has_a_url,
    _refused,
    _cannot_be_read,
    _has_no_url,
)


def _described(
    facts: Facts, file_id: str, plain_hosts: Collection[str]
) -> FileRecord | None:
    file = facts.get("file")
    if not isinstance(file, Mapping):
        return None
    urls = (web_url(file.get(key), plain_hosts) for key in _URLS)
    known = [url for url in urls if url]
    return FileRecord(
        file_id=wire_id(file.get("file_id")) or file_id,
        bytes=_size(file.get("bytes")),
        created_at=_moment(file.get("created_at")),
        filename=_file_name(file.get("filename")),
        download_url=known[0] if known else None,
        backup_download_url=known[1] if len(known) > 1 else None,
    )


def _size(value: object) -> int | None:
    """Return a size; 0 means that the service does not know it."""
    number = code_of(value)
    return number if isinstance(number, int) and 0 < number < _LARGEST else None


def _moment(value: object) -> datetime | None:
    number = code_of(value)
    if isinstance(number, int) and 0 < number < _YEAR_2200:
        return datetime.fromtimestamp(number, timezone.utc)
    return None


def _file_name(value: object) -> str | None:
    """Return the last part of a name, so that no path is ever taken from outside."""
    if not isinstance(value, str):
        return None
    name = plain_text(re.split(r"[/\\]", value)[-1], 200).strip(". ")
    return name or None
