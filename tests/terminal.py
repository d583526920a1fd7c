"""A command on a terminal of its own, as a person would see and stop it."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Mapping

from tests.workers import python_path

# Only a process whose own terminal it is hears of Ctrl-C there.
_AT_THE_TERMINAL = """
import fcntl, os, signal, sys, termios
signal.signal(signal.SIGINT, signal.SIG_DFL)
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


class Terminal:
    """`celery WORDS…` on a pseudo-terminal of 100 columns."""

    def __init__(self, *words: str, env: Mapping[str, str]) -> None:
        full = {**os.environ, "PYTHONPATH": python_path(), "COLUMNS": "100", **env}
        command = [sys.executable, "-m", "celery", *words]
        self._end, theirs = pty.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-c", _AT_THE_TERMINAL, *command],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=full,
            start_new_session=True,
        )
        os.close(theirs)
        self.seen = ""

    def wait_for(self, pattern: str, timeout: float = 20) -> re.Match[str]:
        """Read until *pattern* has been seen."""
        deadline = time.monotonic() + timeout
        while not (found := re.search(pattern, self.seen)):
            if not self._read(deadline - time.monotonic()):
                raise AssertionError(f"no {pattern!r} in:\n{self.seen}")
        return found

    def press(self, key: str) -> None:
        os.write(self._end, key.encode())

    def ended(self, timeout: float = 20) -> int:
        """Read to the end; return the exit code."""
        deadline = time.monotonic() + timeout
        while self._read(deadline - time.monotonic()):
            pass
        os.close(self._end)
        return self._process.wait(10)

    def _read(self, timeout: float) -> bool:
        ready, _, _ = select.select([self._end], [], [], max(timeout, 0))
        if not ready:
            raise AssertionError(f"nothing more came after:\n{self.seen}")
        try:
            came = os.read(self._end, 65536)
        except OSError:  # Linux ends a terminal so
            return False
        self.seen += came.decode(errors="replace")
        return bool(came)
