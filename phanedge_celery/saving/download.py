"""One download into a part: from its first byte, or on from where another ended."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Final

from ..answers import Trouble
from ..answers.download import RESTART, truncated
from ..errors import DownloadFailed
from ..storage import Entity, OtherEntity, Part, asking
from .wholeness import shortfall

if TYPE_CHECKING:
    from ..client import Stream

Open = Callable[[int, str | None], "AbstractContextManager[Stream]"]
"""Opens a file from a byte on, if it still has that etag."""

Tell = Callable[[int, int | None], None]
"""Told how many bytes are here, of how many."""


def fetch(
    source: Open, part: Part, *, told: int | None, job_id: str | None, tell: Tell
) -> Trouble | None:
    """Read a file into *part*; None when it is whole, verified and flushed.

    *told* is its size as the service knows it. What came stays in the part for the
    next attempt; a file that has become another one is begun anew at once.
    """
    trouble = _read(source, part, told, job_id, tell)
    if trouble is not None and trouble.kind == RESTART:
        with asking(part.where):
            part.begin(Entity())
        trouble = _read(source, part, told, job_id, tell)
    return trouble


def _read(
    source: Open, part: Part, told: int | None, job_id: str | None, tell: Tell
) -> Trouble | None:
    from ..client import Interrupted

    start = part.continues_at
    try:
        with source(start, _strong(part.entity.etag) if start else None) as stream:
            _take_up(part, stream)
            size = stream.size
            for chunk in stream:
                with asking(part.where):
                    part.take(chunk)
                tell(part.length, size or told)
    except Interrupted as stopped:
        return stopped.trouble
    except OtherEntity:
        return _another(job_id)
    if lack := shortfall(part.length, size, told, part.read):
        return truncated(lack, job_id)
    with asking(part.where):
        part.finish()
    return None


def _take_up(part: Part, stream: Stream) -> None:
    with asking(part.where):
        if stream.start == 0:
            part.begin(Entity(size=stream.size, etag=stream.etag))
        elif part.entity.is_same(stream.size, stream.etag):
            part.go_on()
        else:
            raise OtherEntity


def _strong(etag: str | None) -> str | None:
    """A weak etag promises no equal bytes, so no range may be asked for by it."""
    return None if etag is None or etag.startswith("W/") else etag


def _another(job_id: str | None) -> Trouble:
    error = DownloadFailed("The file has become another one meanwhile", None, job_id)
    return Trouble(error=error, kind=RESTART, limit=_RESTARTS)


_RESTARTS: Final = 5
