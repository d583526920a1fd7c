"""Real servers for the tests: `with RedisServer() as redis: redis.url(0)`."""

from __future__ import annotations

from tests.servers.postgres import PostgresServer
from tests.servers.rabbitmq import Queue, RabbitServer
from tests.servers.redis import FreshRedis, RedisServer
from tests.servers.server import Server, ServerMissing, free_port

__all__ = [
    "FreshRedis",
    "PostgresServer",
    "Queue",
    "RabbitServer",
    "RedisServer",
    "Server",
    "ServerMissing",
    "free_port",
]
