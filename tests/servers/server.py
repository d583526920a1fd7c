"""A real server as a child on a free port, with its data in a folder of its own."""

from __future__ import annotations

import shutil
import signal
import socket
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, TypeVar

from tests.processes import Child

LOOPBACK = "127.0.0.1"

Self = TypeVar("Self", bound="Server")


class ServerMissing(Exception):
    """The server's program is not here; the message says how to install it."""


class Server:
    """A server that keeps its port and its data through stop, kill and restart."""

    name: ClassVar[str]
    install: ClassVar[str]
    ready: ClassVar[str]
    """What its log says once it takes connections."""
    user: str | None = None
    stop_signal = signal.SIGTERM

    def __init__(self) -> None:
        self.program = self.find()
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix=f"phanedge-{self.name}-"))
        self.prepare()
        self.child = Child(
            self.command(),
            self.folder / "server.log",
            env=self.environment(),
            cwd=self.folder,
            user=self.user,
        )

    def find(self) -> Path:
        raise NotImplementedError

    def prepare(self) -> None:
        """Make what the server wants to find in its folder."""

    def command(self) -> Sequence[str | Path]:
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        return {}

    def start(self) -> None:
        self.child.start()
        self.child.wait_for_log(self.ready, timeout=60)

    def stop(self) -> None:
        self.child.stop(by=self.stop_signal)

    def restart(self) -> None:
        self.stop()
        self.start()

    def kill(self) -> None:
        self.child.kill()

    def pause(self) -> None:
        """Freeze it: it still takes connections, but answers nothing."""
        self.child.pause()

    def resume(self) -> None:
        self.child.resume()

    def close(self) -> None:
        """Stop it, if it still runs, and forget its data."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self: Self) -> Self:
        try:
            self.start()
        except AssertionError:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @classmethod
    def missing(cls) -> ServerMissing:
        return ServerMissing(f"no {cls.name} here; to have it: {cls.install}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def answers(port: int) -> bool:
    """Does anything take connections there?"""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0
