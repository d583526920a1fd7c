"""What the Redis scripts share; each is one atomic operation on a ticket's keys.

What is due stands in one of two sorted sets by next_at, that of the tickets in
``polling`` or that of all others; whoever writes next_at or stage puts it there.
Earlier versions left polling ones in both, so who finds one in the other moves it.

A ticket is a hash, with its message beside it: one value over 64 bytes would make
Redis spread the whole hash, at three times the memory. It is returned as one text,
since each value of a longer reply costs the client as much as the rest of the call.
"""

from __future__ import annotations

from typing import Final

PACKED: Final = """
-- A ticket as the JSON list of field, value, …; all of them are texts.
local function packed(ticket, message)
  local fields, text = redis.call('HGETALL', ticket), redis.call('GET', message)
  if #fields == 0 then return false end
  if text then
    fields[#fields + 1] = 'message'
    fields[#fields + 1] = text
  end
  return cjson.encode(fields)
end
"""

PLACED: Final = """
-- Let the right set of what is due hold this ticket, or none, as its hash says.
local function placed(due, polls, ticket, id)
  local held = redis.call('HMGET', ticket, 'stage', 'next_at')
  local here, there = due, polls
  if held[1] == 'polling' then here, there = polls, due end
  redis.call('ZREM', there, id)
  if held[2] then
    redis.call('ZADD', here, held[2], id)
  else
    redis.call('ZREM', here, id)
  end
end
"""
