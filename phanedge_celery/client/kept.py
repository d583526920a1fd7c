"""Plain GETs on kept connections: one text out, and mostly one piece in."""

from __future__ import annotations

import io
import re
import weakref
from collections.abc import Mapping
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any, Final

from urllib3 import HTTPConnectionPool, HTTPHeaderDict
from urllib3 import HTTPResponse as Decoded

from ..answers import MAX_BODY, Reply

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_PIECE: Final = 16 * 1024
_PLAIN: Final = re.compile(r"/[\w./?&=%+~-]*", re.ASCII)
_STATUS: Final = re.compile(r"HTTP/1\.1 ([2-5]\d\d)(?: [ -~]*)?")
_FIELD: Final = re.compile(r"([\w!#$%&'*+.^`|~-]+):[ \t]*([ -~]*)", re.ASCII)
_CODED: Final = frozenset({"transfer-encoding", "content-encoding"})


class Kept:
    """Connections of *pool* that are kept, each for one question at a time.

    What makes a connection, TLS included, is urllib3's, and what reads an unusual
    answer is http.client's; the short way past both costs a third of theirs. *connect*
    is in seconds; *size* connections are kept.
    """

    def __init__(self, pool: HTTPConnectionPool, *, connect: float, size: int) -> None:
        self._pool, self._connect, self._size = pool, connect, size
        self._host = _host(pool)
        self._idle: list[Any] = []
        weakref.finalize(self, _close, self._idle)

    def takes(self, path: str) -> bool:
        """Can *path* be sent as it is, here and not through a proxy?"""
        return self._pool.proxy is None and _PLAIN.fullmatch(path) is not None

    def get(self, path: str, headers: Mapping[str, str]) -> Reply:
        """Ask once; once more, if a connection kept from before turns out to be dead.

        Raises what sockets, http.client and urllib3 raise.
        """
        fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        request = (
            f"GET {path} HTTP/1.1\r\nHost: {self._host}\r\n"
            f"Accept-Encoding: identity\r\n{fields}\r\n"
        ).encode("ascii")
        kept = self._taken()
        if kept is not None:
            try:
                return self._exchange(kept, request)
            except ConnectionError:
                pass
        return self._exchange(self._made(), request)

    def close(self) -> None:
        _close(self._idle)

    def _taken(self) -> Any:
        """Return a kept connection on which nothing has come that nobody asked for."""
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            if connection.is_connected:
                return connection
            connection.close()

    def _made(self) -> Any:
        connection: Any = self._pool._new_conn()
        connection.timeout = self._connect
        return connection

    def _exchange(self, connection: Any, request: bytes) -> Reply:
        again = False
        try:
            connection.send(request)
            data = connection.sock.recv(_PIECE)
            reply, again = _in_one_piece(data) or _in_pieces(connection, data)
        finally:
            if again and len(self._idle) < self._size:
                self._idle.append(connection)
            else:
                connection.close()
        return reply


def _in_one_piece(data: bytes) -> tuple[Reply, bool] | None:
    """Return a reply of one head with one counted body, and whether more may follow.

    None for all else, incomplete ones too.
    """
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    status, fields = _STATUS.fullmatch(first), list(map(_FIELD.fullmatch, lines))
    if status is None or None in fields:
        return None
    headers = {field[1].lower(): field[2] for field in fields if field}
    counted = headers.get("content-length") == str(len(body))
    if not counted or len(headers) < len(lines) or not _CODED.isdisjoint(headers):
        return None
    again = headers.get("connection", "keep-alive").lower() == "keep-alive"
    return Reply(int(status[1]), headers, body), again


def _in_pieces(connection: Any, data: bytes) -> tuple[Reply, bool]:
    """Let http.client read an answer that begins with *data*."""
    raw = connection.response_class(_Seen(connection.sock, data), method="GET")
    raw.begin()
    headers = HTTPHeaderDict(raw.msg.items())
    with _decoded(raw, headers) as response:
        body = response.read(MAX_BODY + 1)
        return Reply(raw.status, headers, body), raw.isclosed() and not raw.will_close


def _decoded(raw: HTTPResponse, headers: HTTPHeaderDict) -> Decoded:
    return Decoded(
        raw,
        headers,
        raw.status,
        original_response=raw,
        preload_content=False,
        request_method="GET",
    )


class _Seen:
    """A socket of which the first bytes have been received already."""

    def __init__(self, sock: Any, data: bytes) -> None:
        self._sock, self._data = sock, data
        self.gettimeout, self.settimeout = sock.gettimeout, sock.settimeout

    def makefile(self, _: str) -> io.BufferedReader:
        return io.BufferedReader(_Replayed(self._sock, self._data))


class _Replayed(io.RawIOBase):
    def __init__(self, sock: Any, data: bytes) -> None:
        self._sock, self._data = sock, data

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        view = memoryview(buffer)
        now, self._data = self._data[: len(view)], self._data[len(view) :]
        if not now:
            return int(self._sock.recv_into(view))
        view[: len(now)] = now
        return len(now)


def _host(pool: HTTPConnectionPool) -> str:
    """Return the host as a request names it, as http.client does."""
    host = f"[{pool.host}]" if ":" in pool.host else pool.host
    usual: int = pool.ConnectionCls.default_port
    return host if pool.port in (None, usual) else f"{host}:{pool.port}"


def _close(idle: list[Any]) -> None:
    while idle:
        idle.pop().close()
