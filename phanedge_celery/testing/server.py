"""The threads and sockets of the fake: one thread per connection."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections.abc import Callable

from .sending import send
from .wire import Reply, Request, Stream, json_answer, read_request

Handler = Callable[[Request], Reply]


class Server:
    """Serves HTTP/1.1 on *host*:*port* until stopped; may be started again."""

    def __init__(self, handle: Handler, host: str, port: int) -> None:
        self.host, self.port = host, port
        self._handle = handle
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._open: dict[socket.socket, threading.Thread] = {}
        self._accepting: threading.Thread | None = None

    def start(self) -> None:
        """Listen; a port of 0 becomes a free one, kept over a stop and a start."""
        self._stopped.clear()
        listener = socket.create_server((self.host, self.port), backlog=512)
        self.port = listener.getsockname()[1]
        self._wake, woken = socket.socketpair()
        self._accepting = threading.Thread(
            target=self._accept, args=(listener, woken), name="fake-phanedge"
        )
        self._accepting.daemon = True
        self._accepting.start()

    def stop(self) -> None:
        """Close every connection; returns when the last thread has ended."""
        if self._accepting is None:
            return
        self._stopped.set()
        self._wake.close()
        self._accepting.join()
        self._accepting = None
        for thread in self._close_all():
            thread.join(5)

    def wait(self, seconds: float) -> None:
        """Wait; raises `ConnectionAbortedError` when the server stops meanwhile."""
        if self._stopped.wait(seconds):
            raise ConnectionAbortedError("the fake stops")

    def _close_all(self) -> list[threading.Thread]:
        with self._lock:
            for sock in self._open:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
            return list(self._open.values())

    def _accept(self, listener: socket.socket, woken: socket.socket) -> None:
        with listener, woken, selectors.DefaultSelector() as selector:
            selector.register(listener, selectors.EVENT_READ)
            selector.register(woken, selectors.EVENT_READ)
            while not self._stopped.is_set():
                ready = [key.fileobj for key, _ in selector.select()]
                if listener in ready:
                    self._welcome(listener.accept()[0])

    def _welcome(self, sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        thread = threading.Thread(
            target=self._serve, args=(sock,), name="fake-phanedge-client", daemon=True
        )
        with self._lock:
            self._open[sock] = thread
        thread.start()

    def _serve(self, sock: socket.socket) -> None:
        stream = Stream(sock)
        try:
            # A client that leaves in the middle is none of the fake's business.
            with contextlib.suppress(OSError), sock:
                while self._exchange(stream):
                    pass
        finally:
            with self._lock:
                self._open.pop(sock, None)

    def _exchange(self, stream: Stream) -> bool:
        """Answer one request; return whether another may follow."""
        try:
            request = read_request(stream)
        except ValueError:
            bad = json_answer({"code": "invalid_request", "message": "not HTTP"}, 400)
            close = {"connection": "close"}
            nonsense = Request("GET", "", "", {}, close, stream)
            return send(stream.sock, nonsense, Reply(bad), self.wait)
        if request is None:
            return False
        reply = self._handle(request)
        if not (reply.fault and reply.fault.hang_up == "unread"):
            _ = request.body
        return send(stream.sock, request, reply, self.wait)
