"""The temporary file in which a download grows until it is whole."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from .storage import OtherEntity, PartBusy

OVERLAP: Final = 1 << 16
"""Bytes that are asked for again, to see that the file is still the same one."""

ABANDONED: Final = 86400.0
"""Seconds after which a part is nobody's: its job was cancelled, or went elsewhere."""

_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """What is known of the file that a part is made of."""

    size: int | None = None
    etag: str | None = None
    sha256: str | None = None
    """Once all of it has been read, verified and flushed."""

    def is_same(self, size: int | None, etag: str | None) -> bool:
        """May bytes of a file of this size and etag be put behind the ones we have?"""
        if self.etag and etag and self.etag != etag:
            return False
        return size is not None and self.size == size


class Part:
    """A file under a lock. Make it by `hold`."""

    def __init__(self, folder: Path, descriptor: int) -> None:
        self._folder, self._descriptor = folder, descriptor
        self.path = folder / "video"
        self.where = str(folder.parent)
        """For people: where there may be no room for it."""
        self.entity = _read_entity(folder)
        self.length = self.begun_with = os.fstat(descriptor).st_size
        """Bytes that are here, and that were here when it was taken."""
        self._place = self.length
        self._is_anew = False
        self._digest = hashlib.sha256()

    @property
    def continues_at(self) -> int:
        """From which byte to ask on; 0 when all of it is wanted."""
        known = self.entity.size is not None and self.length > OVERLAP
        return self.length - OVERLAP if known else 0

    @property
    def got_further(self) -> bool:
        """Was something added to what was here when it was taken?"""
        return self.length > self.begun_with and not self._is_anew

    def read(self, start: int, size: int) -> bytes:
        return os.pread(self._descriptor, size, start)

    def begin(self, entity: Entity) -> None:
        """Forget what is here, for a file that comes from its first byte."""
        os.ftruncate(self._descriptor, 0)
        self._is_anew = self._is_anew or self.length > 0
        self.length = self._place = 0
        self._digest = hashlib.sha256()
        self._note(entity)

    def go_on(self) -> None:
        """Expect the bytes from `continues_at` on. Reads all that is here."""
        self._place = self.continues_at
        self._digest = hashlib.sha256()
        for start in range(0, self.length, _CHUNK):
            most = min(_CHUNK, self.length - start)
            self._digest.update(self.read(start, most))

    def take(self, chunk: bytes) -> None:
        """Take the next bytes. Raises `OtherEntity` if they do not fit, and OSError."""
        known = min(self.length - self._place, len(chunk))
        if known > 0:
            if self.read(self._place, known) != chunk[:known]:
                raise OtherEntity
            self._place += known
            chunk = chunk[known:]
        self._digest.update(chunk)
        self._write(memoryview(chunk))

    def _write(self, rest: memoryview) -> None:
        while rest:
            written = os.pwrite(self._descriptor, rest, self.length)
            self.length += written
            self._place = self.length
            rest = rest[written:]

    def finish(self) -> str:
        """Return the digest of what is here, which is whole, and make it last."""
        os.fsync(self._descriptor)
        sha256 = self._digest.hexdigest()
        self._note(replace(self.entity, sha256=sha256))
        return sha256

    def discard(self) -> None:
        """Leave nothing behind."""
        _remove(self._folder)

    def _note(self, entity: Entity) -> None:
        self.entity = entity
        (self._folder / "entity").write_text(json.dumps(asdict(entity)))


@contextmanager
def hold(workplace: Path, key: str) -> Iterator[Part]:
    """Take the part of *key*, a job's id, with what an earlier attempt left in it.

    Raises `PartBusy`, and OSError.
    """
    _sweep(workplace)
    folder = workplace / hashlib.sha256(key.encode()).hexdigest()[:32]
    descriptor = _locked(folder)
    try:
        yield Part(folder, descriptor)
    finally:
        os.close(descriptor)


def _locked(folder: Path) -> int:
    """Open and lock the file in *folder*; again if it was removed in between."""
    while True:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(
                folder / "video", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666
            )
        except FileNotFoundError:
            continue
        try:
            _lock(descriptor)
            if os.fstat(descriptor).st_nlink:
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise PartBusy from error
    except OSError:
        # Some network file systems have no locks; the ticket still lets one copy win.
        return


def _read_entity(folder: Path) -> Entity:
    try:
        return Entity(**json.loads((folder / "entity").read_text()))
    except (OSError, ValueError, TypeError):
        return Entity()


def _sweep(workplace: Path) -> None:
    """Remove what was abandoned here."""
    if not workplace.is_dir():
        return
    before = time.time() - ABANDONED
    for folder in workplace.iterdir():
        with suppress(OSError):
            if (folder / "video").lstat().st_mtime < before:
                _remove(folder)


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):
        folder.parent.rmdir()
