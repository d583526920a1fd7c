"""Child processes of the tests, each in a session of its own that ends with it."""

from __future__ import annotations

import contextlib
import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

# A test run that is killed runs no teardown, so Linux is asked to end the child. The
# request does not survive a change of user, which is why the change happens here too.
_TIED_TO_US = """
import ctypes, os, signal, sys
uid, gid = int(sys.argv[1]), int(sys.argv[2])
if uid != os.getuid():
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
# A shell that runs the tests in the background has Ctrl-C ignored by all of them.
signal.signal(signal.SIGINT, signal.SIG_DFL)
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, 15)
os.execvp(sys.argv[3], sys.argv[3:])
"""


def wait_for(
    predicate: Callable[[], T],
    timeout: float = 10,
    every: float = 0.05,
    *,
    what: str | Callable[[], str] = "",
) -> T:
    """Return the first true answer of *predicate*; fail with *what* was awaited.

    *what* may be a function, which then tells the state of things at the end.
    """
    deadline = time.monotonic() + timeout
    while not (answer := predicate()):
        if time.monotonic() >= deadline:
            told = what() if callable(what) else what
            told = told or getattr(predicate, "__name__", "")
            raise AssertionError(f"not within {timeout:g} s: {told}; last: {answer!r}")
        time.sleep(every)
    return answer


class Died(AssertionError):
    """The child ended before it was ready; the message ends with its log."""


class Child:
    """One command with its log, in a process group that is signalled as a whole."""

    def __init__(
        self,
        command: Sequence[str | Path],
        log: Path,
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        user: str | None = None,
    ) -> None:
        self.command = [str(part) for part in command]
        self.log_file = log
        self.env = {**os.environ, **(env or {})}
        self.cwd = cwd
        self.user = user
        self._process: subprocess.Popen[bytes] | None = None
        self._start_of_log = 0

    @property
    def pid(self) -> int:
        assert self._process is not None, "not started"
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        assert not self.running, f"{self.command[0]} runs already"
        who = pwd.getpwnam(self.user) if self.user else None
        uid, gid = (who.pw_uid, who.pw_gid) if who else (os.getuid(), os.getgid())
        tied = [sys.executable, "-c", _TIED_TO_US, str(uid), str(gid)]
        with self.log_file.open("ab") as log:
            self._start_of_log = log.tell()
            self._process = subprocess.Popen(
                [*tied, *self.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.env,
                cwd=self.cwd,
                start_new_session=True,
            )

    def log(self) -> str:
        """Return what it has written since its last start."""
        text = self.log_file.read_bytes()[self._start_of_log :]
        return text.decode(errors="replace")

    def wait_for_log(self, words: str, timeout: float = 30) -> None:
        """Wait until *words* are in the log; raise `Died` if it ends before that."""

        def said() -> bool:
            if words in self.log():
                return True
            if not self.running:
                raise Died(f"{self.command[0]} ended early:\n{self._tail()}")
            return False

        wait_for(said, timeout, what=lambda: f"{words!r} in the log:\n{self._tail()}")

    def send(self, number: int) -> None:
        """Send a signal to the whole group; one that is gone is fine."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def pause(self) -> None:
        self.send(signal.SIGSTOP)

    def resume(self) -> None:
        self.send(signal.SIGCONT)

    def kill(self) -> None:
        """End the whole group at once, as a power cut would."""
        self.send(signal.SIGKILL)
        self._reap(timeout=10)

    def stop(self, timeout: float = 15, *, by: int = signal.SIGTERM) -> int:
        """End it in its own way, and the group in ours; return its exit code."""
        self.resume()
        self.send(by)
        code = self._reap(timeout)
        self.send(signal.SIGKILL)
        return code

    def wait(self, timeout: float) -> int:
        """Return the exit code of a child that ends by itself."""
        assert self._process is not None, "not started"
        return self._process.wait(timeout)

    def _reap(self, timeout: float) -> int:
        if self._process is None:
            return 0
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            return self._process.wait(10)

    def _tail(self) -> str:
        return "\n".join(self.log().splitlines()[-30:])
