"""How the URL of a ticket store in Redis becomes a client."""

from __future__ import annotations

import socket
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel

PATIENCE: Final = {"socket_connect_timeout": 3, "socket_timeout": 4}
"""Seconds after which a store that does not answer is taken for away."""

OURS: Final = ("prefix", "master_name", "virtual_host")


def connect(url: str) -> tuple[redis.Redis, str]:
    """Return a client that has asked nothing yet, and the prefix of its keys.

    Besides what redis-py reads from a URL: ``prefix``, for ``sentinel://`` also
    ``master_name``, and Celery's spelling of sockets and of ``ssl_cert_reqs``.
    """
    divided = [_divided(part) for part in url.split(";")]
    ours = {name: value for _, found in divided for name, value in found.items()}
    addresses = [address for address, _ in divided]
    if addresses[0].startswith("sentinel:"):
        client = _primary(addresses, ours.get("master_name", "mymaster"))
    else:
        client = redis.Redis.from_url(addresses[0], **_options())
    return client, ours.get("prefix", "")


def _divided(url: str) -> tuple[str, dict[str, str]]:
    """Return the URL for redis-py, and the parameters that are ours."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    ours = {str(name): query.pop(name) for name in OURS if name in query}
    if demand := query.get("ssl_cert_reqs"):
        query["ssl_cert_reqs"] = demand.removeprefix("CERT_").lower()
    if parts.scheme in ("redis+socket", "socket"):
        parts = parts._replace(scheme="unix")
        query.setdefault("db", ours.get("virtual_host", "0").strip("/"))
    rest = f"?{urlencode(query)}" if query else ""
    return f"{parts.scheme}://{parts.netloc}{parts.path}{rest}", ours


def _options() -> dict[str, Any]:
    # A change that was sent is never sent again by itself: the first copy may have
    # been carried out, and the second would then look like a race that was lost.
    never = Retry(NoBackoff(), 0)
    return {
        **PATIENCE,
        "retry": never,
        "decode_responses": True,
        "socket_keepalive": True,
        "socket_keepalive_options": _keepalive(),
    }


def _keepalive() -> dict[int, int]:
    """Ask an idle peer often enough that no firewall forgets the connection."""
    wanted = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}
    known = ((getattr(socket, name, None), seconds) for name, seconds in wanted.items())
    return {option: seconds for option, seconds in known if option is not None}


def _primary(addresses: list[str], name: str) -> redis.Redis:
    """Return a client of the node that Sentinel calls the primary at the time."""
    parts = [urlsplit(address) for address in addresses]
    sentinel = Sentinel(  # type: ignore[no-untyped-call]
        [(part.hostname or "localhost", part.port or 26379) for part in parts],
        sentinel_kwargs=dict(PATIENCE),
        db=int(parts[0].path.strip("/") or 0),
        username=parts[0].username,
        password=parts[0].password,
        **_options(),
    )
    primary: redis.Redis = sentinel.master_for(name)  # type: ignore[no-untyped-call]
    return primary
