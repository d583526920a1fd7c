"""A Redis database and its keys, asked by scripts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import redis

from ..store import Condition, TicketStoreUnavailable
from .address import connect


class Database:
    """What all parts of the store stand on."""

    def __init__(self, url: str, *, remember: float) -> None:
        self._client, prefix = connect(url)
        self._remember = str(int(remember * 1000))
        self._tickets = f"{prefix}phanedge:ticket:"
        self._messages = f"{prefix}phanedge:message:"
        self._due = f"{prefix}phanedge:due"
        self._polls = f"{prefix}phanedge:polls"
        self._since = f"{prefix}phanedge:since"
        self._took = f"{prefix}phanedge:took:"
        self._leases = f"{prefix}phanedge:lease:"
        self._scripts: dict[str, Any] = {}

    def condition(self) -> Condition:
        client: Any = self._client
        with reachable():
            try:
                (seconds, microseconds), memory = client.time(), client.info("memory")
            except redis.ResponseError:
                # An account that may not ask either of them may still keep tickets.
                return Condition()
        return Condition(now=seconds + microseconds / 1e6, evicts=_eviction(memory))

    def close(self) -> None:
        self._client.close()

    def _ask(
        self, script: str, keys: Sequence[str], arguments: Sequence[Any] = ()
    ) -> Any:
        with reachable():
            return self._script(script)(keys, arguments)

    def _script(self, text: str) -> Any:
        """Return the script as the client calls it: by its digest."""
        made = self._scripts.get(text)
        return made or self._scripts.setdefault(
            text, self._client.register_script(text)
        )


@contextmanager
def reachable() -> Iterator[None]:
    """Translate what Redis raises while it cannot serve."""
    try:
        yield
    except redis.DataError:
        raise
    except redis.RedisError as error:
        told = f"Redis: {type(error).__name__}: {error}"
        raise TicketStoreUnavailable(told) from error


def _eviction(memory: Mapping[str, Any]) -> str | None:
    """Return the policy by which a Redis with a limit forgets, None if it does not."""
    policy = str(memory.get("maxmemory_policy", "noeviction"))
    return policy if memory.get("maxmemory") and policy != "noeviction" else None
