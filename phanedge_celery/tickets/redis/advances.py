"""One ticket's keys: written, read, and advanced from version to version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from .. import rows
from ..store import Advance, TicketMissing, TicketUnreadable
from ..ticket import FORMAT, Stage, Ticket
from .database import Database, reachable
from .lua import PACKED, PLACED
from .rows import pairs, short, texts, unpacked

KEEP, REMOVE = "=", ""

CREATE: Final = (
    PLACED
    + """
-- KEYS ticket, message, due, polls, since; ARGV id, since, message, field, value, …
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV, 4))
redis.call('ZADD', KEYS[5], ARGV[2], ARGV[1])
if ARGV[3] == '' then
  redis.call('DEL', KEYS[2])
else
  redis.call('SET', KEYS[2], ARGV[3])
end
placed(KEYS[3], KEYS[4], KEYS[1], ARGV[1])
return 1
"""
)

READ: Final = (
    PACKED
    + """
-- KEYS ticket, message
return packed(KEYS[1], KEYS[2])
"""
)

ADVANCE: Final = (
    PACKED
    + PLACED
    + """
-- KEYS ticket, message, due, polls; ARGV id, version, our format, milliseconds to
-- keep an ended ticket or '', message ('' removes, '=' keeps), number of fields to
-- remove, those, field, value, …
local held = redis.call('HMGET', KEYS[1], 'version', 'format')
if not held[1] then return {'missing'} end
if tonumber(held[2] or 1) > tonumber(ARGV[3]) then return {'newer', held[2]} end
if tonumber(held[1]) > tonumber(ARGV[2]) then return {'lost'} end

local removed = tonumber(ARGV[6])
redis.call('HDEL', KEYS[1], 'resends', unpack(ARGV, 7, 6 + removed))
redis.call('HSET', KEYS[1], unpack(ARGV, 7 + removed))
if ARGV[5] == '' then
  redis.call('DEL', KEYS[2])
elseif ARGV[5] ~= '=' then
  redis.call('SET', KEYS[2], ARGV[5])
end

local over = ARGV[4] ~= '' and redis.call('HEXISTS', KEYS[1], 'next_at') == 0
for i = 1, 2 do
  if over then
    redis.call('PEXPIRE', KEYS[i], ARGV[4])
  else
    redis.call('PERSIST', KEYS[i])
  end
end
placed(KEYS[3], KEYS[4], KEYS[1], ARGV[1])
return {'advanced', packed(KEYS[1], KEYS[2])}
"""
)

TOUCH: Final = (
    PLACED
    + """
-- KEYS ticket, due, polls; ARGV id, version, our format, next_at
local held = redis.call('HMGET', KEYS[1], 'version', 'format')
if held[1] ~= ARGV[2] then return 0 end
if tonumber(held[2] or 1) > tonumber(ARGV[3]) then return 0 end
redis.call('HSET', KEYS[1], 'next_at', ARGV[4])
redis.call('HINCRBY', KEYS[1], 'resends', 1)
placed(KEYS[2], KEYS[3], KEYS[1], ARGV[1])
return 1
"""
)


class Advances(Database):
    def create(self, ticket: Ticket) -> bool:
        fields = texts(ticket.id, rows.row(ticket))
        del fields["id"]
        message = fields.pop("message", REMOVE)
        keys = [*self._keys(ticket.id), self._due, self._polls, self._since]
        known = [ticket.id, fields["since"], message, *pairs(fields)]
        return bool(self._ask(CREATE, keys, known))

    def read(self, id: str) -> Ticket | None:
        packed: str | None = self._ask(READ, self._keys(id))
        return unpacked(id, packed) if packed else None

    def advance(
        self, id: str, version: int, *, stage: Stage, **changes: Any
    ) -> Ticket | None:
        asked = self._advancing(id, version, stage, changes)
        outcome, *found = self._ask(ADVANCE, *asked)
        if outcome == "missing":
            raise TicketMissing(id)
        if outcome == "newer":
            raise TicketUnreadable(id, int(found[0]))
        return unpacked(id, *found) if outcome == "advanced" else None

    def advance_many(self, moves: Sequence[Advance]) -> list[Ticket | None]:
        advance = self._script(ADVANCE)
        pipeline = self._client.pipeline(transaction=False)
        for move in moves:
            advance(*self._advancing(*move), client=pipeline)
        with reachable():
            outcomes = pipeline.execute()
        return [
            unpacked(id, *found) if outcome == "advanced" else None
            for (id, *_), (outcome, *found) in zip(moves, outcomes, strict=True)
        ]

    def touch(self, id: str, version: int, next_at: float) -> bool:
        keys = [self._tickets + id, self._due, self._polls]
        return bool(self._ask(TOUCH, keys, [id, version, FORMAT, repr(next_at)]))

    def _advancing(
        self, id: str, version: int, stage: Stage, changes: Mapping[str, Any]
    ) -> tuple[list[str], list[Any]]:
        """Return the keys and arguments of one advance."""
        row = rows.changed(stage, changes)
        fields = texts(id, {**row, "version": version + 1})
        message = fields.pop("message", REMOVE if "message" in row else KEEP)
        keep_for = self._remember if stage.ended else ""
        removed = {short(name) for name in row} - fields.keys() - {"message"}
        known = [id, version, FORMAT, keep_for, message, len(removed), *removed]
        keys = [*self._keys(id), self._due, self._polls]
        return keys, [*known, *pairs(fields)]

    def _keys(self, id: str) -> list[str]:
        return [self._tickets + id, self._messages + id]
