"""Threads that ask side by side, made once in each process."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Generic, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")


class Round(Generic[Q, A]):
    """Questions that some lanes share, and the answers so far."""

    def __init__(self, questions: Sequence[Q], ask: Callable[[Q], A]) -> None:
        self._left = deque(questions)
        self._expected = len(questions)
        self._ask = ask
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._answers: list[tuple[Q, A]] = []

    def run(self) -> None:
        """Ask what is left, until nothing is or nobody waits for it any more."""
        while not self._over.is_set():
            try:
                question = self._left.popleft()
            except IndexError:
                return
            self._keep(question, self._ask(question))

    def answers(
        self, until: float, beat: float, alive: Callable[[], None]
    ) -> Sequence[tuple[Q, A]]:
        """Wait for all answers, or until then; say each *beat* seconds that we do."""
        try:
            while (left := until - time.time()) > 0:
                if self._over.wait(min(left, beat)):
                    break
                alive()
        finally:
            self._over.set()
        with self._lock:
            return list(self._answers)

    def _keep(self, question: Q, answer: A) -> None:
        with self._lock:
            self._answers.append((question, answer))
            if len(self._answers) == self._expected:
                self._over.set()


class Lanes:
    """So many threads; what they cannot take yet waits for them.

    They are daemons, so that an answer which never comes stops no worker.
    """

    def __init__(self, many: int) -> None:
        self._many = many
        self._rounds: SimpleQueue[Round[object, object]] = SimpleQueue()
        for number in range(many):
            name = f"phanedge-lane-{number}"
            threading.Thread(target=self._drive, name=name, daemon=True).start()

    def begin(self, questions: Sequence[Q], ask: Callable[[Q], A]) -> Round[Q, A]:
        """Ask all *questions*; *ask* must not raise."""
        begun: Round[Q, A] = Round(questions, ask)
        for _ in range(min(self._many, len(questions))):
            self._rounds.put(begun)  # type: ignore[arg-type]
        return begun

    def _drive(self) -> None:
        while True:
            self._rounds.get().run()


def lanes_of(many: int) -> Lanes:
    """Return this process's lanes: threads do not survive a fork."""
    key = (os.getpid(), many)
    return _lanes.get(key) or _lanes.setdefault(key, Lanes(many))


_lanes: dict[tuple[int, int], Lanes] = {}
