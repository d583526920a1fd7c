"""A server on loopback that treats each connection as it is told, byte by byte."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from types import TracebackType

Treat = Callable[[socket.socket], None]
"""Deals with one connection, which is closed afterwards."""

OK = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b"


class RawServer:
    """Treats the n-th connection by the n-th of *treats*, later ones by the last."""

    def __init__(self, *treats: Treat, tls: ssl.SSLContext | None = None) -> None:
        self._treats = treats
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=16)
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0
        self.requests: list[bytes] = []
        """Whatever `heard` has read to its end."""

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self) -> RawServer:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in self._open:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)

    def heard(self, sock: socket.socket) -> bytes:
        """Read one request, its body included, and remember it."""
        data = b""
        while b"\r\n\r\n" not in data:
            more = sock.recv(65536)
            if not more:
                return data
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                while len(body) < int(line.partition(b":")[2]):
                    body += sock.recv(65536)
        self.requests.append(head + b"\r\n\r\n" + body)
        return self.requests[-1]

    def answers(self, *replies: bytes) -> Treat:
        """Answer one request by each of *replies* in turn, then close."""

        def treat(sock: socket.socket) -> None:
            for reply in replies:
                if not self.heard(sock):
                    return
                sock.sendall(reply)

        return treat

    def treat_by(self, *treats: Treat) -> None:
        self._treats = treats

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            treat = self._treats[min(self.connections, len(self._treats) - 1)]
            self.connections += 1
            self._open.append(sock)
            threading.Thread(
                target=self._serve, args=(sock, treat), daemon=True
            ).start()

    def _serve(self, sock: socket.socket, treat: Treat) -> None:
        with contextlib.suppress(OSError):
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, server_side=True)
                self._open.append(sock)
            with sock:
                treat(sock)


def ok(body: bytes) -> bytes:
    """Return a whole answer of HTTP 200."""
    return OK % (len(body), body)


def reset(sock: socket.socket) -> None:
    """Let the connection end by a reset."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def refused_port() -> int:
    """Return a port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port
