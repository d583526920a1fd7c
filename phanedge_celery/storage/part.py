"""The temporary file in which a download grows until it is whole."""

from __future__ import annotations

import json
import os
import shutil
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from .digest import Digest
from .storage import OtherEntity

OVERLAP: Final = 1 << 16
"""Bytes that are asked for again, to see that the file is still the same one."""

FLUSHED_EVERY: Final = 8 << 20
"""Bytes after which the disk is told to begin, so that it has little left to do."""

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
    """A file that only we write. Make it by `hold`.

    Hashing and flushing go on in threads of their own, some pieces behind: reading
    from the network costs no more with them than without.
    """

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
        self._digest = Digest()
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="phanedge-flush")
        self._flushing = _done()
        self._unflushed = 0

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
        self._hash_anew()
        self._note(entity)

    def go_on(self) -> None:
        """Expect the bytes from `continues_at` on. Reads all that is here."""
        self._place = self.continues_at
        self._hash_anew()
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
        self._flush(len(chunk))

    def _hash_anew(self) -> None:
        self._digest.finish()
        self._digest = Digest()

    def _flush(self, size: int) -> None:
        self._unflushed += size
        if self._unflushed >= FLUSHED_EVERY and self._flushing.done():
            self._flushing.result()
            self._flushing = self._threads.submit(os.fsync, self._descriptor)
            self._unflushed = 0

    def _write(self, rest: memoryview) -> None:
        while rest:
            written = os.pwrite(self._descriptor, rest, self.length)
            self.length += written
            self._place = self.length
            rest = rest[written:]

    def finish(self) -> str:
        """Return the digest of what is here, which is whole, and make it last."""
        self._flushing.result()
        os.fsync(self._descriptor)
        sha256 = self._digest.finish()
        self._note(replace(self.entity, sha256=sha256))
        return sha256

    def discard(self) -> None:
        """Leave nothing behind."""
        remove(self._folder)

    def close(self) -> None:
        """Let go of the file, which stays."""
        self._digest.finish()
        self._threads.shutdown()
        os.close(self._descriptor)

    def _note(self, entity: Entity) -> None:
        self.entity = entity
        (self._folder / "entity").write_text(json.dumps(asdict(entity)))


def _read_entity(folder: Path) -> Entity:
    try:
        return Entity(**json.loads((folder / "entity").read_text()))
    except (OSError, ValueError, TypeError):
        return Entity()


def remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):
        folder.parent.rmdir()


def _done() -> Future[None]:
    future: Future[None] = Future()
    future.set_result(None)
    return future
