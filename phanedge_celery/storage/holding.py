"""Taking a job's part: one holder at a time, and nobody's leftovers for ever."""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from .part import Part, remove
from .storage import PartBusy

ABANDONED: Final = 86400.0
"""Seconds after which a part is nobody's: its job was cancelled, or went elsewhere."""

_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
_TRIES: Final = 100


@contextmanager
def hold(workplace: Path, key: str) -> Iterator[Part]:
    """Take the part of *key*, a job's id, with what an earlier attempt left in it.

    Raises `PartBusy`, and OSError.
    """
    _sweep(workplace)
    folder = workplace / hashlib.sha256(key.encode()).hexdigest()[:32]
    part = Part(folder, _locked(folder))
    try:
        yield part
    finally:
        part.close()


def _locked(folder: Path) -> int:
    """Open and lock the file in *folder*; again if it was removed in between."""
    for _ in range(_TRIES):
        with suppress(FileNotFoundError):
            folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(folder / "video", _FLAGS, 0o666)
            if _is_ours(descriptor):
                return descriptor
            os.close(descriptor)
    raise PartBusy


def _is_ours(descriptor: int) -> bool:
    try:
        _lock(descriptor)
    except PartBusy:
        os.close(descriptor)
        raise
    return os.fstat(descriptor).st_nlink > 0


def _lock(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise PartBusy from error
    except OSError:
        # Some network file systems have no locks; the ticket still lets one copy win.
        return


def _sweep(workplace: Path) -> None:
    """Remove what was abandoned here; others may be at it, too."""
    with suppress(OSError):
        for folder in workplace.iterdir():
            if _age(folder) > ABANDONED:
                remove(folder)


def _age(folder: Path) -> float:
    try:
        return time.time() - (folder / "video").lstat().st_mtime
    except OSError:
        return 0.0
