"""The wall clock, by which all waits are written, against one that only goes on."""

from __future__ import annotations

import time
from collections.abc import Callable


class WallClock:
    """Notices that the wall clock was set back, as long as this process lives."""

    def __init__(
        self,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wall, self._steady = wall, steady
        self._before = self._last = self._ahead()

    @property
    def set_back(self) -> float:
        """By how many seconds it was set back before it was last read.

        Told one reading late: by then nobody still writes a time that he took
        before.
        """
        return self._before - self._last

    def read(self) -> None:
        self._before, self._last = self._last, self._ahead()

    def _ahead(self) -> float:
        return self._wall() - self._steady()
