"""The gateway's rate limit: one bucket a key, over all endpoints."""

from __future__ import annotations

import threading


class Buckets:
    """Token buckets that hold a minute's worth of requests."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[str, tuple[float, float]] = {}

    def allows(self, key: str, per_minute: int, now: float) -> bool:
        """Take one request from the bucket of *key*; False when it is empty."""
        with self._lock:
            tokens, since = self._held.get(key, (float(per_minute), now))
            tokens = min(tokens + (now - since) * per_minute / 60, per_minute)
            allowed = tokens >= 1
            self._held[key] = (tokens - allowed, now)
        return allowed
