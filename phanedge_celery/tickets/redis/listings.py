"""All tickets: listed, counted, and forgotten once they are over."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Final

from .. import rows
from ..store import Tally
from ..ticket import FORMAT, Stage, Ticket
from .database import Database
from .lua import PACKED
from .rows import row

PAGE: Final = 200

JOBS: Final = (
    PACKED
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


class Listings(Database):
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
            scores, found = self._ask(JOBS, [self._since], arguments)
            yield from rows.readable((row(*each) for each in found), error)
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
            seen, stages = self._ask(TALLY, [due], arguments)
            yield from stages
            if seen < page:
                return

    def purge(self, before: float) -> int:
        forgotten, offset = 0, 0
        keys = [self._due, self._since]
        while True:
            reach = [repr(before), offset, PAGE, FORMAT, *rows.OVER]
            arguments = [self._tickets, self._messages, *reach]
            counts: list[int] = self._ask(PURGE, keys, arguments)
            found, kept, gone = counts
            forgotten += gone
            offset += kept
            if found < PAGE:
                return forgotten


def _after(scores: list[str], latest: str, offset: int) -> tuple[str, int]:
    """Return where the next page begins: a score, and how many of it were seen."""
    last = scores[-1]
    seen = scores.count(last)
    return last, seen + (offset if last == latest else 0)
