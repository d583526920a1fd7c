"""The fake of PhanEdge's video API, to be started in a test or a process."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any

from .controls import Controls
from .desk import Desk, Options
from .files import FileTraits
from .gateway import Gateway
from .journal import Recorded
from .operations import Operations
from .remote import PREFIX, answered
from .server import Server
from .timelines import DEFAULT, Timeline
from .wire import Reply, Request, json_answer

DEFAULT_OPTIONS = Options()
DEFAULT_TRAITS = FileTraits()


class FakePhanEdge(Controls):
    """A real HTTP server on *host*; a context manager, or `start()` and `stop()`.

    A *port* of 0 is a free one. The same *seed* gives the same ids. *timeline* is
    for jobs without a script of their own. Each request is shown to *watch*, in the
    thread that serves it, before it is answered.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        seed: int | None = None,
        timeline: Timeline = DEFAULT,
        options: Options = DEFAULT_OPTIONS,
        files: FileTraits = DEFAULT_TRAITS,
        watch: Callable[[Recorded], None] = lambda _: None,
    ) -> None:
        self._desk = Desk(seed, timeline, options, files, watch)
        self._operations = Operations(self._desk)
        self._gateway = Gateway(self._desk)
        self._server = Server(self._handle, host, port)

    def start(self) -> FakePhanEdge:
        """Listen; the state, and the port, outlive a stop and another start."""
        self._server.start()
        self._desk.address = f"{self._server.host}:{self._server.port}"
        return self

    def stop(self) -> None:
        """Close every connection; the port refuses from now on."""
        self._server.stop()
        self._desk.callbacks.stop()

    @property
    def url(self) -> str:
        """The base URL, without a path."""
        return f"http://{self._server.host}:{self._server.port}"

    def __enter__(self) -> FakePhanEdge:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _do(self, operation: str, **arguments: Any) -> Any:
        return self._operations.do(operation, arguments)

    def _handle(self, request: Request) -> Reply:
        if request.path.startswith(PREFIX):
            return answered(request, self._operations)
        if request.path == "/healthz":
            return Reply(json_answer({"status": "ok"}))
        return self._gateway(request)
