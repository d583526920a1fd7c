"""A TCP proxy on loopback whose connections can be cut, paused and left half-open."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from types import TracebackType

from tests.servers import free_port

LOOPBACK = "127.0.0.1"
CHUNK = 1 << 16


class Link:
    """One connection through the proxy: the caller's side, and the server's."""

    def __init__(
        self, caller: asyncio.StreamWriter, server: asyncio.StreamWriter
    ) -> None:
        self.caller = caller
        self.server = server
        self.half_open = False

    def cut(self) -> None:
        for side in (self.caller, self.server):
            _reset(side)

    def leave_half_open(self) -> None:
        """The server's side is gone, and the caller's side never hears of it."""
        self.half_open = True
        _reset(self.server)


def _reset(side: asyncio.StreamWriter) -> None:
    sock = side.get_extra_info("socket")
    if sock.fileno() >= 0:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    side.transport.abort()


class Proxy:
    """Passes bytes on to the server at port *to*; its own port outlives `away`."""

    def __init__(self, to: int) -> None:
        self.port = free_port()
        self._to = to
        self._links: set[Link] = set()
        self._loop = asyncio.new_event_loop()
        self._flows = asyncio.Event()
        self._listener: asyncio.Server | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def away(self) -> None:
        """End every connection and refuse new ones, until `back`."""
        self._do(self._stop_listening)
        self.cut()

    def back(self) -> None:
        self._do(self._listen)

    def cut(self) -> None:
        """Reset every connection; new ones are taken at once."""
        self._each(Link.cut)

    def half_open(self) -> None:
        """Let every connection look open to its caller, and never answer again."""
        self._each(Link.leave_half_open)

    def pause(self) -> None:
        """Pass nothing on, in either direction, until `resume`; lose nothing."""
        self._loop.call_soon_threadsafe(self._flows.clear)

    def resume(self) -> None:
        self._loop.call_soon_threadsafe(self._flows.set)

    @property
    def connections(self) -> int:
        return len(self._links)

    def __enter__(self) -> Proxy:
        self._thread.start()
        self.back()
        self.resume()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.resume()
        self.away()
        self._do(self._end_tasks)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def _do(self, what: Callable[[], object]) -> None:
        """Run *what*, a coroutine function, in the proxy's thread, to its end."""
        coroutine: object = what()
        assert asyncio.iscoroutine(coroutine)
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    def _each(self, treat: Callable[[Link], None]) -> None:
        async def all_of_them() -> None:
            for link in list(self._links):
                treat(link)

        self._do(all_of_them)

    async def _listen(self) -> None:
        if self._listener is None:
            self._listener = await asyncio.start_server(
                self._serve, LOOPBACK, self.port, reuse_address=True
            )

    async def _stop_listening(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    async def _end_tasks(self) -> None:
        others = asyncio.all_tasks(self._loop) - {asyncio.current_task()}
        if others:
            await asyncio.wait(others, timeout=5)

    async def _serve(
        self, heard: asyncio.StreamReader, caller: asyncio.StreamWriter
    ) -> None:
        try:
            answers, server = await asyncio.open_connection(LOOPBACK, self._to)
        except OSError:
            _reset(caller)
            return
        link = Link(caller, server)
        self._links.add(link)
        try:
            await asyncio.gather(
                self._pass_on(link, heard, server), self._pass_on(link, answers, caller)
            )
        finally:
            self._links.discard(link)
            link.cut()

    async def _pass_on(
        self, link: Link, source: asyncio.StreamReader, sink: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(CHUNK):
                await self._flows.wait()
                if not link.half_open:
                    sink.write(data)
                    await sink.drain()
        if not link.half_open:
            link.cut()
