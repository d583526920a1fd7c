"""Leases: what only one may do at a time."""

from __future__ import annotations

from typing import Final

from ..store import FAR
from .database import Database

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


class Leases(Database):
    def lease(self, name: str, owner: str, seconds: float) -> int | None:
        keys = [self._leases + name, f"{self._leases}{name}:token"]
        lasting, most = max(int(seconds * 1000), 1), int((seconds + FAR) * 1000)
        token: int = self._ask(LEASE, keys, [owner, lasting, most])
        return token or None
