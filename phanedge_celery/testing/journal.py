"""The log of what the fake was asked."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .wire import Request

KEPT_BODY = 1 << 20


@dataclass(frozen=True, slots=True)
class Recorded:
    """One request as it came, and what became of it."""

    endpoint: str
    """`create`, `query`, `retrieve`, `content`, `file`, or `unknown`."""
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Names in lower case."""
    body: str
    """At most 1 MiB of it; empty when it was not read."""
    status: int | None
    """Of the answer; None when the connection ended instead."""
    job_id: str | None
    at: float
    """Monotonic seconds of the fake's process."""
    wall: float
    """Unix seconds."""

    @property
    def json(self) -> Any:
        """The body as JSON; raises `ValueError` when it is none."""
        return json.loads(self.body)

    @property
    def token(self) -> str | None:
        """What was sent as Bearer token, None when there was no such header."""
        header = self.headers.get("authorization")
        return None if header is None else header.partition(" ")[2]


@dataclass(frozen=True, slots=True)
class Post:
    """One create that reached the fake."""

    prompt: str | None
    external_task_id: str | None
    job_id: str | None
    """The job made, None when none was."""
    status: int | None


class Journal:
    """Keeps the last *limit* requests, counts all, shows each to *watch*."""

    def __init__(
        self,
        watch: Callable[[Recorded], None],
        limit: int = 50_000,
    ) -> None:
        self._watch = watch
        self._lock = threading.Condition()
        self.requests: deque[Recorded] = deque(maxlen=limit)
        self.posts: list[Post] = []
        self.counts: Counter[str] = Counter()
        self.queries: Counter[str] = Counter()

    def record(
        self, endpoint: str, request: Request, status: int | None, job_id: str | None
    ) -> None:
        body = request.body[:KEPT_BODY] if request.touched else b""
        entry = Recorded(
            endpoint=endpoint,
            method=request.method,
            path=request.path,
            query=request.query,
            headers=request.headers,
            body=body.decode("utf-8", "replace"),
            status=status,
            job_id=job_id,
            at=time.monotonic(),
            wall=time.time(),
        )
        with self._lock:
            self.requests.append(entry)
            self.counts[endpoint] += 1
            if endpoint == "create":
                self.posts.append(_post(request, status, job_id))
            elif endpoint == "query":
                self.queries[job_id or request.query.get("task_id", "")] += 1
            self._lock.notify_all()
        self._watch(entry)

    def wait_for(self, endpoint: str, count: int, timeout: float) -> None:
        """Wait until so many requests have come; raises `TimeoutError`."""
        with self._lock:
            if not self._lock.wait_for(lambda: self.counts[endpoint] >= count, timeout):
                seen = self.counts[endpoint]
                raise TimeoutError(f"{seen} of {count} requests to {endpoint} came")

    def snapshot(self) -> list[Recorded]:
        with self._lock:
            return list(self.requests)


def _post(request: Request, status: int | None, job_id: str | None) -> Post:
    sent = request.json if request.touched and isinstance(request.json, dict) else {}
    return Post(sent.get("prompt"), sent.get("external_task_id"), job_id, status)
