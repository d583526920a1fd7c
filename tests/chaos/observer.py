"""Somebody who looks at every result all the time, as the users of a site do."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Sequence
from typing import Any

import redis

from tests.chaos.audit import READY
from tests.chaos.jobs import Book

OFTEN = 0.25
"""Seconds between two looks; no end is told more exactly."""
RESULT = "celery-task-meta-"


class Observer(threading.Thread):
    """Notes each end that a job's result tells, with the time at which it was seen."""

    def __init__(self, results: redis.Redis, book: Book, begun: float) -> None:
        super().__init__(daemon=True)
        self._results = results
        self._book = book
        self._begun = begun
        self._texts: dict[str, str | None] = {}
        self._stopped = threading.Event()
        self.ends: dict[str, list[tuple[float, str]]] = {}

    def run(self) -> None:
        while not self._stopped.wait(OFTEN):
            self.look()

    def look(self) -> None:
        ids = [job.id for job in list(self._book.placed)]
        now = time.monotonic() - self._begun
        for id, text in zip(ids, metas(self._results, ids), strict=True):
            if text != self._texts.get(id):
                self._texts[id] = text
                self._note(id, text, now)

    def stop(self) -> None:
        self._stopped.set()
        self.join(10)

    def _note(self, id: str, text: str | None, now: float) -> None:
        if (end := end_of(text)) is None:
            return
        ends = self.ends.setdefault(id, [])
        if not ends or ends[-1][1] != end:
            ends.append((now, end))


def metas(results: redis.Redis, ids: Iterable[str]) -> Sequence[str | None]:
    """Return what the result backend holds for each id."""
    keys = [RESULT + id for id in ids]
    found: Any = results.mget(keys) if keys else []
    return list(found)


def state_of(text: str | None) -> str:
    return "PENDING" if text is None else str(json.loads(text)["status"])


def end_of(text: str | None) -> str | None:
    """Return `SUCCESS`, `REVOKED` or the type of the error; None: no end."""
    state = state_of(text)
    if text is None or state not in READY:
        return None
    result = json.loads(text)["result"]
    return str(result["exc_type"]) if state == "FAILURE" else state
