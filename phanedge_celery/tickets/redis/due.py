"""What is due: shown to all who look, claimed by one who asks."""

from __future__ import annotations

from typing import Any, Final

from ..ticket import FORMAT, Stage, Ticket
from .database import Database, reachable
from .lua import PACKED, PLACED
from .rows import unpacked

CLAIM: Final = (
    PACKED
    + """
-- KEYS polls; ARGV prefix of tickets, prefix of messages, before, until, limit, our
-- format, '1' for those alone whose deadline is past
local limit, passed, found = tonumber(ARGV[5]), 0, {}
while #found < limit do
  local ids = redis.call(
    'ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[3], 'LIMIT', passed, limit)
  if #ids == 0 then break end
  for _, id in ipairs(ids) do
    local key = ARGV[1] .. id
    local held = redis.call('HMGET', key, 'stage', 'format', 'deadline')
    local late = held[3] and tonumber(held[3]) <= tonumber(ARGV[3])
    if held[1] ~= 'polling' then
      redis.call('ZREM', KEYS[1], id)
    elseif #found == limit or tonumber(held[2] or 1) > tonumber(ARGV[6])
      or (ARGV[7] == '1' and not late) then
      passed = passed + 1
    else
      redis.call('HSET', key, 'next_at', ARGV[4])
      redis.call('ZADD', KEYS[1], ARGV[4], id)
      found[#found + 1] = {id, packed(key, ARGV[2] .. id)}
    end
  end
end
return found
"""
)

OVERDUE: Final = (
    PACKED
    + PLACED
    + """
-- KEYS due, polls; ARGV prefix of tickets, prefix of messages, before, limit, our
-- format, a stage to leave out or ''
local limit, found = tonumber(ARGV[4]), {}

local function look(set)
  local passed, taken = 0, 0
  while taken < limit do
    local page = redis.call('ZRANGEBYSCORE', set, '-inf', ARGV[3],
      'WITHSCORES', 'LIMIT', passed, limit)
    if #page == 0 then return end
    for i = 1, #page, 2 do
      local id, key = page[i], ARGV[1] .. page[i]
      local held = redis.call('HMGET', key, 'version', 'format', 'stage')
      if not held[1] then
        redis.call('ZREM', set, id)
      elseif (held[3] == 'polling') ~= (set == KEYS[2]) then
        placed(KEYS[1], KEYS[2], key, id)
      else
        passed = passed + 1
        if held[3] ~= ARGV[6] and tonumber(held[2] or 1) <= tonumber(ARGV[5])
          and taken < limit then
          taken = taken + 1
          found[#found + 1] = {page[i + 1], id}
        end
      end
    end
  end
end

look(KEYS[1])
if ARGV[6] ~= 'polling' then look(KEYS[2]) end
table.sort(found, function(a, b) return tonumber(a[1]) < tonumber(b[1]) end)
local tickets = {}
for i = 1, math.min(limit, #found) do
  local id = found[i][2]
  tickets[i] = {id, packed(ARGV[1] .. id, ARGV[2] .. id)}
end
return tickets
"""
)


class Due(Database):
    def claim_due(
        self, before: float, until: float, limit: int, *, late_only: bool = False
    ) -> list[Ticket]:
        times = [repr(before), repr(until), limit, FORMAT, int(late_only)]
        arguments = [self._tickets, self._messages, *times]
        found = self._ask(CLAIM, [self._polls], arguments)
        return [unpacked(*ticket) for ticket in found]

    def next_poll(self) -> float | None:
        client: Any = self._client
        with reachable():
            found = client.zrange(self._polls, 0, 0, withscores=True)
        return float(found[0][1]) if found else None

    def overdue(
        self, before: float, limit: int, *, but: Stage | None = None
    ) -> list[Ticket]:
        wanted = [repr(before), limit, FORMAT, but or ""]
        arguments = [self._tickets, self._messages, *wanted]
        found = self._ask(OVERDUE, [self._due, self._polls], arguments)
        return [unpacked(*ticket) for ticket in found]
