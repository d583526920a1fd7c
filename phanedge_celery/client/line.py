"""One call to the service: a request, then a bounded answer or none."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from http.client import HTTPException
from importlib.metadata import PackageNotFoundError, version
from typing import Final
from urllib.parse import urlsplit

from urllib3 import HTTPConnectionPool, PoolManager, Retry, Timeout
from urllib3.exceptions import HTTPError
from urllib3.util.proxy import connection_requires_http_tunnel

from ..answers import MAX_BODY, NoReply, Reply
from .kept import Kept
from .sockets import NotConnected, hurried, reason_of

log = logging.getLogger("phanedge_celery")

BROKEN: Final = (NotConnected, HTTPError, HTTPException, OSError)
"""All that can go wrong with a call, short of an answer."""


NO_RETRY: Final = Retry(total=False)
"""Nothing is repeated behind our back."""


def _agent() -> str:
    try:
        return f"phanedge-celery/{version('phanedge-celery')}"
    except PackageNotFoundError:
        return "phanedge-celery"


AGENT: Final = {"User-Agent": _agent()}


class Line:
    """Kept-alive connections to one origin, *size* of them.

    *connect* and *read* are seconds; a whole answer may take twice *read*.
    """

    def __init__(
        self,
        manager: PoolManager,
        origin: str,
        *,
        connect: float,
        read: float,
        size: int = 1,
    ) -> None:
        self._manager = hurried(manager, patience=read, within=2 * read)
        self._pool = self._manager.connection_from_url(origin)
        self._prefix = origin if is_forwarding(self._pool, origin) else ""
        self._timeout = Timeout(connect=connect, read=read)
        self._kept = Kept(self._pool, connect=connect, size=size)

    def close(self) -> None:
        self._kept.close()
        self._manager.clear()

    def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
        *,
        again: bool = False,
    ) -> Reply | NoReply:
        """Send one request and read its answer.

        *again*, for a GET: once more, if a connection kept from before turns out to
        be dead.
        """
        begun, made = time.monotonic(), self._pool.num_connections
        try:
            reply: Reply | NoReply = (
                self._kept.get(path, headers)
                if again and self._kept.takes(path)
                else self._exchange(method, path, headers, body)
            )
        except BROKEN as error:
            if again and _cut_off(error) and made == self._pool.num_connections:
                return self.ask(method, path, headers, body)
            sent = not isinstance(error, NotConnected)
            reply = NoReply(sent, _reason(error))
        _tell(method, path, reply, time.monotonic() - begun)
        return reply

    def _exchange(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> Reply:
        response = self._pool.urlopen(
            method,
            self._prefix + path,
            body,
            headers,
            retries=NO_RETRY,
            redirect=False,
            assert_same_host=False,
            timeout=self._timeout,
            preload_content=False,
        )
        with response:
            return Reply(response.status, response.headers, response.read(MAX_BODY + 1))


def is_forwarding(pool: HTTPConnectionPool, url: str) -> bool:
    """Does a proxy answer for the origin, so that it wants to be sent whole URLs?"""
    scheme = urlsplit(url).scheme
    return pool.proxy is not None and not connection_requires_http_tunnel(
        pool.proxy, pool.proxy_config, scheme
    )


def _cut_off(error: BaseException) -> bool:
    return any(isinstance(part, ConnectionError) for part in error.args)


def _reason(error: BaseException) -> str:
    return str(error) if isinstance(error, NotConnected) else reason_of(error)


def _tell(method: str, path: str, reply: Reply | NoReply, took: float) -> None:
    if not log.isEnabledFor(logging.DEBUG):
        return
    said = reply.status if isinstance(reply, Reply) else reply.reason
    where = path.partition("?")[0]
    log.debug("phanedge.call %s %s: %s in %.3f s", method, where, said, took)
