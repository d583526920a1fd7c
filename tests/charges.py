"""Charges laid for a process of a worker: at one point of one job's step it dies.

A charge is a file, and who removes it is hit, so each goes off once. The points, in
the order in which a step comes by:

| point | after |
|---|---|
| `begin` | the message has arrived; nothing has been read |
| `read` | the ticket was read |
| `claim` | the submission was claimed |
| `http` | the service has answered |
| `advance` | the ticket was advanced to the next message |
| `send` | the next message is with the broker |
| `ending` | the outcome was claimed |
| `stored` | Celery has told the outcome |
| `closed` | the ticket was closed; the message is not yet acknowledged |
"""

from __future__ import annotations

import signal
import threading
from dataclasses import dataclass
from pathlib import Path

FOLDER = "PHANEDGE_TEST_CHARGES"

POINTS = (
    "begin",
    "read",
    "claim",
    "http",
    "advance",
    "send",
    "ending",
    "stored",
    "closed",
)


@dataclass(frozen=True)
class Charges:
    """The charges in one folder, of which the worker is told by `FOLDER`."""

    folder: Path

    def lay(
        self, id: str, task: str, point: str, by: signal.Signals = signal.SIGKILL
    ) -> None:
        """Send *by* to the process in which job *id* comes to *point* of *task*."""
        assert point in POINTS, point
        self._file(id, task, point).write_text(str(int(by)))

    def is_laid(self, id: str, task: str, point: str) -> bool:
        return self._file(id, task, point).exists()

    def left(self) -> list[str]:
        """Return what has not gone off."""
        return sorted(file.name for file in self.folder.iterdir())

    def strike(self, id: str, task: str, point: str) -> None:
        """Called in the worker: be hit if a charge is laid here."""
        file = self._file(id, task, point)
        try:
            number = int(file.read_text())
            file.unlink()
        except FileNotFoundError:
            return
        # To this thread: another one would let it run on until the process stops.
        signal.pthread_kill(threading.get_ident(), number)

    def _file(self, id: str, task: str, point: str) -> Path:
        return self.folder / f"{id}.{task.removeprefix('phanedge.')}.{point}"
