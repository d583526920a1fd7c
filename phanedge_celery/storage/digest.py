"""A SHA-256 that is made beside the reading, in a thread of its own."""

from __future__ import annotations

import hashlib
import threading
from queue import SimpleQueue
from typing import Final

AHEAD: Final = 8
"""Pieces that may wait: more would only take memory."""


class Digest:
    """The SHA-256 of pieces as they come; `update` returns before it is reckoned."""

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()
        self._pieces: SimpleQueue[bytes | None] = SimpleQueue()
        self._room = threading.Semaphore(AHEAD)
        self._thread = threading.Thread(
            target=self._reckon, name="phanedge-digest", daemon=True
        )
        self._thread.start()

    def update(self, piece: bytes) -> None:
        self._room.acquire()
        self._pieces.put(piece)

    def finish(self) -> str:
        """Return the digest in hexadecimal; nothing can be added after that."""
        self._pieces.put(None)
        self._thread.join()
        return self._sha256.hexdigest()

    def _reckon(self) -> None:
        while (piece := self._pieces.get()) is not None:
            self._sha256.update(piece)
            self._room.release()
