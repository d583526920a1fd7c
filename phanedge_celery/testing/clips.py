"""Video files of any size, made as they are sent."""

from __future__ import annotations

import hashlib
import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files

PERIOD = 65_521
"""Length of the filling's pattern: a prime, so that a shifted read shows."""
REPEATS = 16


@cache
def tiny_mp4() -> bytes:
    """Return one second of 64×64 test picture, which any browser plays.

    Made by ffmpeg 9: `ffmpeg -f lavfi -i testsrc=size=64x64:rate=10:duration=1
    -c:v libx264 -pix_fmt yuv420p -movflags +faststart -crf 40 -map_metadata -1
    -fflags +bitexact -flags:v +bitexact sample.mp4`.
    """
    return (files(__package__) / "sample.mp4").read_bytes()


@lru_cache(maxsize=64)
def _pattern(seed: str, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


@lru_cache(maxsize=4)
def _ring(seed: str) -> bytes:
    return _pattern(seed, PERIOD) * (REPEATS + 1)


@dataclass(frozen=True)
class Clip:
    """A playable MP4 of *size* bytes: the tiny one, then a box that players skip."""

    seed: str
    size: int

    @property
    def etag(self) -> str:
        digest = hashlib.sha256(f"{self.seed}/{self.size}".encode()).hexdigest()
        return f'"{digest[:32]}"'

    def sha256(self) -> str:
        """Return the hexadecimal digest of the content."""
        return _sha256(self)

    def stretch(self, start: int = 0, stop: int | None = None) -> Stretch:
        return Stretch(self, start, self.size if stop is None else stop)

    def head(self) -> bytes:
        """Return all that comes before the filling."""
        tiny = tiny_mp4()
        rest = self.size - len(tiny)
        if rest < 16:
            return (tiny + bytes(16))[: self.size]
        return tiny + struct.pack(">I4sQ", 1, b"free", rest)


@dataclass(frozen=True)
class Stretch:
    """The bytes of a clip from *start* to before *stop*."""

    clip: Clip
    start: int
    stop: int

    @property
    def size(self) -> int:
        return self.stop - self.start

    def pieces(self, limit: int) -> Iterator[bytes | memoryview]:
        """Yield the first *limit* bytes in pieces of at most 1 MiB."""
        position, stop = self.start, min(self.start + limit, self.stop)
        head = self.clip.head()
        if position < min(len(head), stop):
            yield head[position : min(len(head), stop)]
            position = min(len(head), stop)
        yield from _filling(self.clip, position - len(head), stop - len(head))


def _filling(clip: Clip, position: int, stop: int) -> Iterator[memoryview]:
    if position >= stop:
        return
    small = clip.size < PERIOD
    ring = memoryview(_pattern(clip.seed, clip.size) if small else _ring(clip.seed))
    while position < stop:
        start = position if small else position % PERIOD
        piece = ring[start : start + min(stop - position, PERIOD * REPEATS)]
        yield piece
        position += len(piece)


@lru_cache(maxsize=256)
def _sha256(clip: Clip) -> str:
    digest = hashlib.sha256()
    for piece in clip.stretch().pieces(clip.size):
        digest.update(piece)
    return digest.hexdigest()
