"""Deliveries of messages to processes that stop before each call, for its fate."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Fate(Enum):
    """What becomes of a call."""

    GOES = "goes"
    DIES_BEFORE = "dies before"
    DIES_AFTER = "dies after"
    FAILS = "fails"
    LOST = "is carried out, and its answer lost"


class Killed(BaseException):
    """SIGKILL, as far as a thread can have it."""


@dataclass
class Message:
    """One message with the broker, or with the process that has not yet acked it."""

    task: str
    id: str
    version: int
    raw: Mapping[str, Any] = field(repr=False)
    label: str = ""
    """Of a callback."""


class Process:
    """One delivery of a message, in a thread of its own."""

    def __init__(
        self,
        message: Message,
        act: Callable[[], Any],
        leave: Callable[[Process], None],
    ) -> None:
        self.message = message
        self.name = f"{message.task} v{message.version}"
        self.where = "the beginning"
        self.dead = self.over = False
        self.answer: Any = None
        self.accepted: str | None = None
        self._act, self._leave = act, leave
        self._fate = Fate.GOES
        self._go = threading.Semaphore(0)
        self._stopped = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._live, name=self.name, daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        return f"<{self.name} before {self.where}>"

    def go(self, fate: Fate = Fate.GOES) -> None:
        """Carry on to the next call, whose outcome is not yet decided, or to the end.

        *fate* is that of the call before which it stands now.
        """
        self._fate = fate
        self._go.release()
        assert self._stopped.acquire(timeout=20), f"{self} hangs"
        if self.over:
            self._thread.join()
            self._leave(self)

    def run(self) -> None:
        while not self.over:
            self.go()

    def call(
        self, where: str, act: Callable[[], Any], failed: Callable[[], Any]
    ) -> Any:
        """Make one call, in the process's own thread."""
        self.where = where
        fate = self._wait()
        if fate is Fate.DIES_BEFORE:
            self._die()
        if fate is Fate.FAILS:
            return failed()
        done = act()
        if fate is Fate.LOST:
            return failed()
        if fate is Fate.DIES_AFTER:
            self._die()
        return done

    def _wait(self) -> Fate:
        self._stopped.release()
        self._go.acquire()
        return self._fate

    def _die(self) -> None:
        self.dead = True
        raise Killed(self.where)

    def _live(self) -> None:
        self._go.acquire()
        here.process = self
        try:
            self.answer = self._act()
        except Killed:
            pass
        finally:
            self.over = True
            self._stopped.release()


here = threading.local()
"""Whose thread this is."""


def passing(where: str, act: Callable[[], Any], failed: Callable[[], Any]) -> Any:
    """Make a call: at once, unless it is a process of a room that makes it."""
    process = getattr(here, "process", None)
    if process is None or process.dead:
        return act()
    return process.call(where, act, failed)


def raising(error: Exception) -> Callable[[], Any]:
    def failed() -> Any:
        raise error

    return failed
