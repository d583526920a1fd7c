"""Our workers, each of which may be hurt at any time, and is started again."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
from concurrent.futures import Executor, Future, wait

from tests.workers import WorkerProcess


class Crew:
    """All workers of a run, what is done to them, and how often it was done."""

    def __init__(
        self, workers: list[WorkerProcess], dice: random.Random, hands: Executor
    ) -> None:
        self._workers = workers
        self._dice = dice
        self._hands = hands
        self._fit = dict.fromkeys(workers, True)
        self._repairs: list[Future[None]] = []
        self.count: dict[str, int] = {}

    def a_child(self) -> int | None:
        """Return the pid of any process of a pool; None while there is none."""
        pids = [pid for worker in self._ready() for pid in worker.children()]
        return self._dice.choice(pids) if pids else None

    def signal_child(self, number: signal.Signals) -> int | None:
        pid = self.a_child()
        if pid is not None:
            self._note(f"child {number.name}")
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        return pid

    def end_one(self, number: signal.Signals) -> None:
        """Signal one worker, and start it again once it has ended."""
        if ready := self._ready():
            self._end(self._dice.choice(ready), number)

    def kill_all(self) -> None:
        for worker in self._ready():
            self._end(worker, signal.SIGKILL)

    def log(self) -> str:
        """Return all that the workers have said, over all their lives."""
        return "\n".join(each.child.log_file.read_text() for each in self._workers)

    def repaired(self) -> None:
        """Wait until every worker runs again."""
        wait(self._repairs, timeout=180)

    def _ready(self) -> list[WorkerProcess]:
        return [worker for worker, fit in self._fit.items() if fit]

    def _end(self, worker: WorkerProcess, number: signal.Signals) -> None:
        self._note(f"worker {number.name}")
        self._fit[worker] = False
        if number is signal.SIGKILL:
            worker.kill()
        else:
            os.kill(worker.pid, number)
        self._repairs.append(self._hands.submit(self._start_again, worker))

    def _start_again(self, worker: WorkerProcess) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            worker.child.wait(90)
        worker.kill()
        for _ in range(20):
            # Its broker may be away just now, as it may be for a real supervisor.
            with contextlib.suppress(AssertionError):
                worker.start()
                self._fit[worker] = True
                return
            worker.kill()

    def _note(self, what: str) -> None:
        self.count[what] = self.count.get(what, 0) + 1
