"""The clients of this process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from .calls import Client

if TYPE_CHECKING:
    from ..settings import Settings

_KEPT: Final = 8

_clients: dict[tuple[object, ...], Client] = {}


def client_for(settings: Settings, *, pool_size: int = 32) -> Client:
    """Return this process's client for these settings, with so many connections kept.

    Made at first use, so after the fork: two processes must not share a connection.
    """
    key = (
        os.getpid(),
        settings.api_key,
        settings.base_url,
        settings.timeout,
        settings.max_bytes,
        settings.allow_private_hosts,
    )
    client = _clients.get(key)
    if client is None:
        client = _clients[key] = Client(settings, pool_size=pool_size)
        while len(_clients) > _KEPT:
            _clients.pop(next(iter(_clients)), None)
    return client
