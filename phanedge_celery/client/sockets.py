"""Connections that know whether anything was sent, with answers that have to hurry."""

from __future__ import annotations

import http.client
import io
import logging
import time
from functools import lru_cache
from http.client import HTTPException
from typing import TYPE_CHECKING, Any

from urllib3 import PoolManager
from urllib3.exceptions import HTTPError

from ..models import plain_text

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class NotConnected(Exception):
    """No connection was established, to the end of its handshakes: nothing was sent."""


class _Hurried(io.RawIOBase):
    """The bytes of a socket up to a moment; each wait is cut at it.

    A read timeout alone counts anew with every byte: an answer that drips could hold
    a worker's slot for ever.
    """

    def __init__(self, raw: io.RawIOBase, sock: Any, seconds: float) -> None:
        self._raw, self._sock = raw, sock
        self._until = time.monotonic() + seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer takes too long")
        if left < (self._sock.gettimeout() or left + 1):
            self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: Any, *args: Any, within: float, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        raw = self.fp.detach()
        self.fp = io.BufferedReader(_Hurried(raw, sock, within))


class _Connection:
    """To be mixed into urllib3's connections of any kind.

    All of a connection's beginning happens in `connect`: names, TCP, a proxy's
    tunnel, TLS. What fails there has sent nothing, and what fails later may have.
    """

    patience: float
    """Seconds of silence that are borne once connected, also while sending."""
    within: float
    """Seconds from the request's last byte to the answer's."""
    sock: Any
    timeout: Any

    def connect(self) -> None:
        try:
            super().connect()  # type: ignore[misc]
        except (OSError, HTTPError, HTTPException, ValueError) as error:
            raise NotConnected(reason_of(error)) from error
        self.sock.settimeout(self.patience)

    def request(self, *args: Any, **kwargs: Any) -> None:
        if self.sock is not None:
            self.timeout = self.patience
        super().request(*args, **kwargs)  # type: ignore[misc]

    def response_class(self, *args: Any, **kwargs: Any) -> _Response:
        return _Response(*args, within=self.within, **kwargs)


def hurried(manager: PoolManager, *, patience: float, within: float) -> PoolManager:
    """Let *manager* make the connections described above, and return it."""
    manager.pool_classes_by_scheme = {
        scheme: _pool_class(pool, patience, within)
        for scheme, pool in manager.pool_classes_by_scheme.items()
    }
    return manager


@lru_cache(32)
def _pool_class(pool: Any, patience: float, within: float) -> Any:
    plain = pool.ConnectionCls
    limits = {"patience": patience, "within": within}
    connection = type(plain.__name__, (_Connection, plain), limits)
    return type(pool.__name__, (pool,), {"ConnectionCls": connection})


def reason_of(error: BaseException) -> str:
    """Return what broke, without addresses of objects and without URLs."""
    cause: BaseException = error
    while isinstance(cause, HTTPError) and cause.args:
        inner = cause.__cause__ or cause.__context__ or cause.args[-1]
        if not isinstance(inner, BaseException):
            break
        cause = inner
    text = plain_text(str(cause).rpartition(">: ")[2].rpartition("): ")[2], 120)
    return f"{type(cause).__name__}: {text}" if text else type(cause).__name__


class _WithoutQuery(logging.Filter):
    """urllib3 logs whole URLs at DEBUG; a signed one is a secret."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                arg.partition("?")[0] if isinstance(arg, str) else arg
                for arg in record.args
            )
        return True


logging.getLogger("urllib3.connectionpool").addFilter(_WithoutQuery())
