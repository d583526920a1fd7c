"""What saving a file costs beside reading it: bytes a second, and memory.

    python benchmarks/saving.py [--megabytes 200] [--rounds 5] [--folder /dev/shm]

A fake serves the file from a process of its own. Each round reads it twice, each time
in a fresh process: by a bare `requests` stream with a SHA-256, and by `save_file`.
Rounds alternate, since a machine is never quiet; the best of each counts. The extra
memory is the peak over what the process had before.

The bare stream writes nothing, so the folder is in memory unless told otherwise: on a
disk the figure is the disk's, since a file is flushed before it gets its name.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 -- a folder is made in it
CHUNK = 1 << 20


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=SHARED_MEMORY)
    parser.add_argument("--read", choices=list(READERS), help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.read:
        print(json.dumps(READERS[asked.read](asked.url, asked.folder)))
        return 0
    return compare(asked.megabytes * 1_000_000, asked.rounds, asked.folder)


def compare(size: int, rounds: int, folder: Path) -> int:
    """Print both figures; return 1 when saving is under 0.9 or over 8 MiB."""
    from phanedge_celery.testing import RemoteFake

    with serving() as url:
        fake = RemoteFake(url)
        fake.add_job(size=CHUNK)
        fake.add_job(size=size)
        names = [name for _ in range(rounds) for name in READERS]
        runs = [(name, measured(name, url, folder)) for name in names]
    best = {
        name: min((r for n, r in runs if n == name), key=lambda r: r["seconds"])
        for name in READERS
    }
    for name, run in best.items():
        rate = size / run["seconds"] / 1e6
        print(f"{name:5} {rate:7.0f} MB/s  {run['extra'] / 2**20:5.1f} MiB extra")
    ratio = best["bare"]["seconds"] / best["save"]["seconds"]
    extra = max(run["extra"] for name, run in runs if name == "save")
    print(f"saving is {ratio:.2f} times as fast; {extra / 2**20:.1f} MiB at most")
    return int(ratio < 0.9 or extra > 8 * 2**20)


class serving:  # noqa: N801 -- read as a verb
    """A fake in a process of its own."""

    def __init__(self) -> None:
        self._child = subprocess.Popen(
            [sys.executable, "-m", "phanedge_celery.testing", "--port", "0"],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def __enter__(self) -> str:
        assert self._child.stdout
        line = self._child.stdout.readline()
        return next(w for w in line.split() if w.startswith("http")).rstrip(",")

    def __exit__(self, *_: object) -> None:
        self._child.terminate()
        self._child.wait()


def measured(name: str, url: str, folder: Path) -> dict[str, float]:
    command = [sys.executable, __file__, "--read", name, "--url", url]
    command += ["--folder", str(folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=ROOT)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def bare(url: str, _: Path) -> dict[str, float]:
    import requests

    from phanedge_celery.testing import RemoteFake

    fake = RemoteFake(url)

    def read(job: str) -> str:
        digest, place = hashlib.sha256(), fake.download_url(job)
        with requests.get(place, stream=True, timeout=60) as response:
            for chunk in response.iter_content(CHUNK):
                digest.update(chunk)
        return digest.hexdigest()

    return watched(read, fake)


def save(url: str, place: Path) -> dict[str, float]:
    from celery import Celery

    import phanedge_celery.tasks  # noqa: F401 -- registers them
    from phanedge_celery.testing import RemoteFake

    fake = RemoteFake(url)
    app = Celery("benchmark", broker="memory://", backend="cache+memory://")
    task = app.tasks["phanedge.save_file"]
    with tempfile.TemporaryDirectory(dir=place) as folder:
        app.conf.update(
            task_always_eager=True,
            phanedge_base_url=url,
            phanedge_api_key=fake.key,
            phanedge_storage=f"file://{folder}",
        )
        files = {job["job_id"]: job["file_id"] for job in fake.jobs}

        def read(job: str) -> str:
            known = {"job_id": job, "file_id": files[job]}
            return str(task.apply((known, "{job_id}.mp4")).get()["sha256"])

        return watched(read, fake)


READERS: dict[str, Callable[[str, Path], dict[str, float]]] = {
    "bare": bare,
    "save": save,
}


def watched(read: Callable[[str], str], fake: Any) -> dict[str, float]:
    """Return how long *read* takes, and the bytes of memory by which it peaks.

    A worker has read other files before, so a small one comes first.
    """
    small, large = (job["job_id"] for job in fake.jobs)
    read(small)
    Path("/proc/self/clear_refs").write_text("5")
    before, begun = memory("VmRSS"), time.perf_counter()
    sha256 = read(large)
    seconds = time.perf_counter() - begun
    assert sha256 == fake.sha256(large)
    return {"seconds": seconds, "extra": memory("VmHWM") - before}


def memory(name: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    found = next(line for line in lines if line.startswith(name))
    return int(found.split()[1]) * 1024


if __name__ == "__main__":
    sys.exit(main())
