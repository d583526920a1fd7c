"""Tickets in Redis: one hash each, one script for each operation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Any, Final

import redis

from . import redis_rows, rows, scripts
from .redis_address import connect
from .store import (
    FAR,
    Advance,
    Condition,
    Tally,
    TicketMissing,
    TicketStoreUnavailable,
    TicketUnreadable,
)
from .ticket import FORMAT, Stage, Ticket

PAGE: Final = 200
KEEP, REMOVE = "=", ""


class RedisTickets:
    """Tickets of one Redis database, under ``phanedge:`` with the URL's prefix.

    An ended ticket expires *remember* seconds after it is over; `purge` then drops
    it from the listing.
    """

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
        script = self._client.register_script
        self._create = script(scripts.CREATE)
        self._read = script(scripts.READ)
        self._advance = script(scripts.ADVANCE)
        self._touch = script(scripts.TOUCH)
        self._claim = script(scripts.CLAIM)
        self._overdue = script(scripts.OVERDUE)
        self._jobs = script(scripts.JOBS)
        self._tally = script(scripts.TALLY)
        self._purge = script(scripts.PURGE)
        self._lease = script(scripts.LEASE)

    def create(self, ticket: Ticket) -> bool:
        texts = redis_rows.texts(ticket.id, rows.row(ticket))
        del texts["id"]
        message = texts.pop("message", REMOVE)
        keys = [*self._keys(ticket.id), self._due, self._polls, self._since]
        known = [ticket.id, texts["since"], message, *redis_rows.pairs(texts)]
        return bool(_ask(self._create, keys, known))

    def read(self, id: str) -> Ticket | None:
        packed: str | None = _ask(self._read, self._keys(id))
        return _ticket(id, packed) if packed else None

    def advance(
        self, id: str, version: int, *, stage: Stage, **changes: Any
    ) -> Ticket | None:
        asked = self._advancing(id, version, stage, changes)
        outcome, *found = _ask(self._advance, *asked)
        if outcome == "missing":
            raise TicketMissing(id)
        if outcome == "newer":
            raise TicketUnreadable(id, int(found[0]))
        return _ticket(id, *found) if outcome == "advanced" else None

    def advance_many(self, moves: Sequence[Advance]) -> list[Ticket | None]:
        pipeline = self._client.pipeline(transaction=False)
        for move in moves:
            self._advance(*self._advancing(*move), client=pipeline)
        try:
            outcomes = pipeline.execute()
        except redis.RedisError as error:
            raise _away(error) from error
        return [
            _ticket(id, *found) if outcome == "advanced" else None
            for (id, *_), (outcome, *found) in zip(moves, outcomes, strict=True)
        ]

    def _advancing(
        self, id: str, version: int, stage: Stage, changes: Mapping[str, Any]
    ) -> tuple[list[str], list[Any]]:
        """Return the keys and arguments of one advance."""
        row = rows.changed(stage, changes)
        texts = redis_rows.texts(id, {**row, "version": version + 1})
        message = texts.pop("message", REMOVE if "message" in row else KEEP)
        keep_for = self._remember if stage.ended else ""
        named = {redis_rows.short(name) for name in row}
        removed = named - texts.keys() - {"message"}
        known = [id, version, FORMAT, keep_for, message, len(removed), *removed]
        keys = [*self._keys(id), self._due, self._polls]
        return keys, [*known, *redis_rows.pairs(texts)]

    def touch(self, id: str, version: int, next_at: float) -> bool:
        keys = [self._tickets + id, self._due, self._polls]
        return bool(_ask(self._touch, keys, [id, version, FORMAT, repr(next_at)]))

    def claim_due(
        self, before: float, until: float, limit: int, *, late_only: bool = False
    ) -> list[Ticket]:
        times = [repr(before), repr(until), limit, FORMAT, int(late_only)]
        arguments = [self._tickets, self._messages, *times]
        found = _ask(self._claim, [self._polls], arguments)
        return [_ticket(*ticket) for ticket in found]

    def next_poll(self) -> float | None:
        client: Any = self._client
        try:
            found = client.zrange(self._polls, 0, 0, withscores=True)
        except redis.RedisError as error:
            raise _away(error) from error
        return float(found[0][1]) if found else None

    def overdue(
        self, before: float, limit: int, *, but: Stage | None = None
    ) -> list[Ticket]:
        wanted = [repr(before), limit, FORMAT, but or ""]
        arguments = [self._tickets, self._messages, *wanted]
        found = _ask(self._overdue, [self._due, self._polls], arguments)
        return [_ticket(*ticket) for ticket in found]

    def jobs(
        self,
        *,
        stage: Stage | None = None,
        error: str | None = None,
        since: float | None = None,
    ) -> Iterator[Ticket]:
        earliest = "-inf" if since is None else repr(since)
        latest, offset = "+inf", 0
        while True:
            reach = [latest, earliest, offset, PAGE, stage or ""]
            arguments = [self._tickets, self._messages, *reach]
            scores, found = _ask(self._jobs, [self._since], arguments)
            for ticket in rows.readable(redis_rows.row(*each) for each in found):
                if rows.has_error(ticket, error):
                    yield ticket
            if len(scores) < PAGE:
                return
            latest, offset = _after(scores, latest, offset)

    def tally(self, before: float) -> dict[str, Tally]:
        found: dict[str, Tally] = {}
        for due in (self._due, self._polls):
            for stage, jobs, late in self._tallied(due, before):
                earlier = found.get(stage, Tally(0, 0))
                found[stage] = Tally(earlier.jobs + jobs, earlier.late + late)
        return found

    def _tallied(self, due: str, before: float) -> Iterator[tuple[str, int, int]]:
        page = 5 * PAGE
        for offset in count(0, page):
            arguments = [self._tickets, repr(before), offset, page]
            seen, stages = _ask(self._tally, [due], arguments)
            yield from stages
            if seen < page:
                return

    def note(self, kind: str, seconds: float, keep: int) -> None:
        key, pipeline = self._took + kind, self._client.pipeline(transaction=False)
        pipeline.rpush(key, repr(seconds))
        pipeline.ltrim(key, -keep, -1)
        pipeline.pexpire(key, int(self._remember))
        try:
            pipeline.execute()
        except redis.RedisError as error:
            raise _away(error) from error

    def took(self, kind: str) -> list[float]:
        client: Any = self._client
        try:
            return [float(text) for text in client.lrange(self._took + kind, 0, -1)]
        except redis.RedisError as error:
            raise _away(error) from error

    def lease(self, name: str, owner: str, seconds: float) -> int | None:
        keys = [self._leases + name, f"{self._leases}{name}:token"]
        lasting, most = max(int(seconds * 1000), 1), int((seconds + FAR) * 1000)
        token: int = _ask(self._lease, keys, [owner, lasting, most])
        return token or None

    def purge(self, before: float) -> int:
        forgotten, offset = 0, 0
        keys = [self._due, self._since]
        while True:
            reach = [repr(before), offset, PAGE, FORMAT, *rows.OVER]
            arguments = [self._tickets, self._messages, *reach]
            counts: list[int] = _ask(self._purge, keys, arguments)
            found, kept, gone = counts
            forgotten += gone
            offset += kept
            if found < PAGE:
                return forgotten

    def condition(self) -> Condition:
        try:
            client: Any = self._client
            (seconds, microseconds), memory = client.time(), client.info("memory")
        except redis.ResponseError:
            # An account that may not ask either of them may still keep tickets.
            return Condition()
        except redis.RedisError as error:
            raise _away(error) from error
        return Condition(now=seconds + microseconds / 1e6, evicts=_eviction(memory))

    def close(self) -> None:
        self._client.close()

    def _keys(self, id: str) -> list[str]:
        return [self._tickets + id, self._messages + id]


def _ask(script: Any, keys: Sequence[str], arguments: Sequence[Any] = ()) -> Any:
    try:
        return script(keys, arguments)
    except redis.DataError:
        raise
    except redis.RedisError as error:
        raise _away(error) from error


def _away(error: redis.RedisError) -> TicketStoreUnavailable:
    return TicketStoreUnavailable(f"Redis: {type(error).__name__}: {error}")


def _eviction(memory: Mapping[str, Any]) -> str | None:
    """Return the policy by which a Redis with a limit forgets, None if it does not."""
    policy = str(memory.get("maxmemory_policy", "noeviction"))
    return policy if memory.get("maxmemory") and policy != "noeviction" else None


def _ticket(id: str, packed: str) -> Ticket:
    return rows.ticket(redis_rows.row(id, packed))


def _after(scores: list[str], latest: str, offset: int) -> tuple[str, int]:
    """Return where the next page begins: a score, and how many of it were seen."""
    last = scores[-1]
    seen = scores.count(last)
    return last, seen + (offset if last == latest else 0)
