"""How long the last jobs of a kind took."""

from __future__ import annotations

from typing import Any

from .database import Database, reachable


class Experience(Database):
    def note(self, kind: str, seconds: float, keep: int) -> None:
        key, pipeline = self._took + kind, self._client.pipeline(transaction=False)
        pipeline.rpush(key, repr(seconds))
        pipeline.ltrim(key, -keep, -1)
        pipeline.pexpire(key, int(self._remember))
        with reachable():
            pipeline.execute()

    def took(self, kind: str) -> list[float]:
        client: Any = self._client
        with reachable():
            return [float(text) for text in client.lrange(self._took + kind, 0, -1)]
