"""A real Celery worker as a child process, to be killed, stopped and looked into."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from uuid import uuid4

from tests.processes import Child, Died, wait_for

__all__ = ["Died", "WorkerProcess", "wait_for"]

ROOT = Path(__file__).parents[1]


class WorkerProcess:
    """`celery -A module worker`, ready once the `with` block is entered.

    *env* is what the app module reads, the `PHANEDGE_TEST_…` variables of
    `tests.apps.plain` for instance. Leaving the block stops the worker warmly.
    *respawned*: killed, it is started again; `kill` ends that, too.
    """

    def __init__(
        self,
        env: Mapping[str, str],
        *,
        module: str = "tests.apps.plain",
        pool: str = "prefork",
        concurrency: int = 2,
        queues: Sequence[str] = (),
        options: Sequence[str] = (),
        loglevel: str = "INFO",
        respawned: bool = False,
    ) -> None:
        self.name = f"w{uuid4().hex[:8]}@x"
        self.folder = Path(tempfile.mkdtemp(prefix="phanedge-worker-"))
        celery = ["tests.respawning", module] if respawned else ["celery", "-A", module]
        command = [sys.executable, "-m", *celery, "worker"]
        command += ["-P", pool, "-c", str(concurrency), "-l", loglevel]
        command += ["-n", self.name, "--without-gossip", "--without-mingle"]
        command += [*(["-Q", ",".join(queues)] if queues else []), *options]
        self.child = Child(
            command,
            self.folder / "worker.log",
            env={"PYTHONPATH": python_path(), "PYTHONUNBUFFERED": "1", **env},
            cwd=self.folder,
        )

    @property
    def pid(self) -> int:
        return self.child.pid

    def start(self) -> WorkerProcess:
        self.child.start()
        self.child.wait_for_log(" ready.", timeout=60)
        return self

    def children(self) -> list[int]:
        """Return the pids of the pool's processes; none in threads and solo."""
        return sorted(pid for pid, stat in self._pool() if not stat.startswith("Z"))

    def paused(self) -> list[int]:
        """Return the pids of its processes that were stopped by a signal."""
        return sorted(pid for pid, stat in self._all() if stat.startswith("T"))

    def _pool(self) -> Iterator[tuple[int, str]]:
        return ((pid, stat) for pid, stat in self._all() if pid != self.pid)

    def _all(self) -> Iterator[tuple[int, str]]:
        """Yield pid and state of the worker's own process and of its pool's."""
        ps = ["ps", "-A", "-o", "pid=,ppid=,stat="]
        listed = subprocess.run(ps, capture_output=True, text=True, check=True)
        for line in listed.stdout.splitlines():
            pid, parent, stat = line.split()
            if self.pid in (int(pid), int(parent)):
                yield int(pid), stat

    def kill(self) -> None:
        """SIGKILL the worker and its pool."""
        self.child.kill()

    def kill_child(self) -> int:
        """SIGKILL one process of the pool; return its pid."""
        pid = self.children()[0]
        os.kill(pid, signal.SIGKILL)
        return pid

    def term(self) -> int:
        """Stop warmly; return the exit code."""
        return self.child.stop(timeout=30)

    def pause(self) -> None:
        self.child.pause()

    def resume(self) -> None:
        self.child.resume()

    def log(self) -> str:
        return self.child.log()

    def wait_for_log(self, words: str, timeout: float = 30) -> None:
        self.child.wait_for_log(words, timeout)

    def close(self) -> None:
        """Stop it, if it still runs, and forget its log."""
        self.term()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> WorkerProcess:
        try:
            return self.start()
        except AssertionError:
            self.close()
            raise

    def __exit__(self, *_: object) -> None:
        self.close()


def python_path() -> str:
    """Return a PYTHONPATH by which a child finds `tests` and the package."""
    given = os.environ.get("PYTHONPATH")
    return os.pathsep.join([str(ROOT), *([given] if given else [])])
