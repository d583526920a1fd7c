"""What a measurement stands on: a fake in a process of its own, and what trees use."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from phanedge_celery.testing import RemoteFake

ROOT: Final = Path(__file__).parents[1]


@contextmanager
def serving(*options: str) -> Iterator[RemoteFake]:
    """Run the fake in a process of its own: it needs CPU, too."""
    command = [sys.executable, "-m", "phanedge_celery.testing", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as fake:
        assert fake.stdout
        try:
            words = fake.stdout.readline().split()
            yield RemoteFake(next(w for w in words if w.startswith("http")).rstrip(","))
        finally:
            fake.terminate()


def family(pid: int) -> list[int]:
    """Return a process and all that descend from it."""
    found, known = [pid], {pid}
    parents = dict(_parents())
    while grown := [p for p, of in parents.items() if of in known and p not in known]:
        found += grown
        known.update(grown)
    return found


def _parents() -> Iterator[tuple[int, int]]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = _stat(int(folder.name))
            except OSError:
                continue  # it has ended meanwhile
            yield int(folder.name), int(fields[1])


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def cpu_seconds(pids: Iterable[int]) -> float:
    """Return the CPU that processes have used, user and system, in seconds.

    By each one's clock: the ticks in ``/proc`` are too long for a short window.
    """
    return sum(time.clock_gettime(~pid << 3 | 2) for pid in pids)


def memory(pid: int) -> float:
    """Return what a process holds that no other shares, in MB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    private = [line for line in lines if line.startswith(("Private_", "Swap:"))]
    return sum(int(line.split()[1]) for line in private) / 1000
