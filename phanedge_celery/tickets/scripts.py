"""The Redis scripts: each one atomic operation on a ticket's keys.

What is due stands in one of two sorted sets by next_at, that of the tickets in
``polling`` or that of all others; whoever writes next_at or stage puts it there.
Earlier versions left polling ones in both, so who finds one in the other moves it.

A ticket is a hash, with its message beside it: one value over 64 bytes would make
Redis spread the whole hash, at three times the memory. It is returned as one text,
since each value of a longer reply costs the client as much as the rest of the call.
"""

from __future__ import annotations

from typing import Final

_PACKED: Final = """
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

_PLACED: Final = """
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

CREATE: Final = (
    _PLACED
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
    _PACKED
    + """
-- KEYS ticket, message
return packed(KEYS[1], KEYS[2])
"""
)

ADVANCE: Final = (
    _PACKED
    + _PLACED
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
    _PLACED
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

CLAIM: Final = (
    _PACKED
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
    _PACKED
    + _PLACED
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

JOBS: Final = (
    _PACKED
    + """
-- KEYS since; ARGV prefix of tickets, prefix of messages, latest, earliest, offset,
-- limit, stage or ''
local page = redis.call('ZREVRANGEBYSCORE', KEYS[1], ARGV[3], ARGV[4],
  'WITHSCORES', 'LIMIT', ARGV[5], ARGV[6])
local scores, found = {}, {}
for i = 1, #page, 2 do
  local id, key = page[i], ARGV[1] .. page[i]
  scores[#scores + 1] = page[i + 1]
  local stage = redis.call('HGET', key, 'stage')
  if stage and (ARGV[7] == '' or stage == ARGV[7]) then
    found[#found + 1] = {id, packed(key, ARGV[2] .. id)}
  end
end
return {scores, found}
"""
)

TALLY: Final = """
-- KEYS due; ARGV prefix of tickets, before, offset, limit
local page = redis.call(
  'ZRANGE', KEYS[1], ARGV[3], ARGV[3] + ARGV[4] - 1, 'WITHSCORES')
local jobs, late, found = {}, {}, {}
for i = 1, #page, 2 do
  local stage = redis.call('HGET', ARGV[1] .. page[i], 'stage')
  if stage then
    jobs[stage] = (jobs[stage] or 0) + 1
    if tonumber(page[i + 1]) <= tonumber(ARGV[2]) then
      late[stage] = (late[stage] or 0) + 1
    end
  end
end
for stage, many in pairs(jobs) do
  found[#found + 1] = {stage, many, late[stage] or 0}
end
return {#page / 2, found}
"""

PURGE: Final = """
-- KEYS due, since; ARGV prefix of tickets, prefix of messages, before, offset, limit,
-- our format, ended stages …
-- Also drops what the listing still has of tickets that have expired.
local ended = {}
for i = 7, #ARGV do ended[ARGV[i]] = true end
local ids = redis.call(
  'ZRANGEBYSCORE', KEYS[2], '-inf', '(' .. ARGV[3], 'LIMIT', ARGV[4], ARGV[5])
local forgotten, kept = 0, 0
for _, id in ipairs(ids) do
  local key = ARGV[1] .. id
  local held = redis.call(
    'HMGET', key, 'stage', 'next_at', 'ended_at', 'since', 'format')
  local over = ended[held[1]] and not held[2]
    and tonumber(held[3] or held[4]) < tonumber(ARGV[3])
    and tonumber(held[5] or 1) <= tonumber(ARGV[6])
  if over then
    forgotten = forgotten + redis.call('DEL', key)
    redis.call('DEL', ARGV[2] .. id)
  end
  if over or not held[1] then
    redis.call('ZREM', KEYS[1], id)
    redis.call('ZREM', KEYS[2], id)
  else
    kept = kept + 1
  end
end
return {#ids, kept, forgotten}
"""

LEASE: Final = """
-- KEYS owner, token; ARGV owner, milliseconds, and at most so many are left
local owner = redis.call('GET', KEYS[1])
if redis.call('PTTL', KEYS[1]) > tonumber(ARGV[3]) then owner = false end
if owner and owner ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
local token = tonumber(redis.call('GET', KEYS[2]) or 0)
if owner and token > 0 then return token end
-- The clock keeps tokens growing after a flush, too.
local now = redis.call('TIME')
token = math.max(token + 1, now[1] * 1000 + math.floor(now[2] / 1000))
redis.call('SET', KEYS[2], string.format('%.0f', token))
return token
"""
