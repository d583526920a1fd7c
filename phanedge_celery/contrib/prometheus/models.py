"""Under which names of models jobs are counted: not under any number of them."""

from __future__ import annotations

import threading
from typing import Final

MOST: Final = 30
LONGEST: Final = 64
OTHER: Final = "other"
UNKNOWN: Final = "unknown"


class Models:
    """The first names that this process sees; later ones are all `OTHER`.

    Ask for jobs alone that the vendor has accepted, so that nobody's typing errors
    take the places.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._seen: set[str] = set()
        self._lock = threading.Lock()

    def label(self, model: str | None) -> str:
        """Return the value of the label ``model``; a followed job's is `UNKNOWN`."""
        if not model:
            return UNKNOWN
        name = model[:LONGEST]
        with self._lock:
            if name not in self._seen and len(self._seen) >= self._most:
                return OTHER
            self._seen.add(name)
        return name
