"""One process that reads two files of a fake, a small one first, and what it takes.

    python -m benchmarks.reading save http://127.0.0.1:8900 /dev/shm

The fake has two jobs. Printed are seconds and bytes of memory as JSON, of the second
file; the memory is the peak over what the process had before, since a worker has read
other files, too.
"""

from __future__ import annotations

import hashlib
import json
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from phanedge_celery.testing import RemoteFake

CHUNK: Final = 1 << 20

Read = Callable[[str], str | None]
"""Reads the file of a job; returns its SHA-256, if it has made one."""


def main() -> int:
    name, url, folder = sys.argv[1:]
    fake = RemoteFake(url)
    with tempfile.TemporaryDirectory(dir=folder) as place:
        read = READERS[name](fake, Path(place))
        told = _outside(read, fake) if name == "curl" else _inside(read, fake)
    print(json.dumps(told))
    return 0


def _inside(read: Read, fake: RemoteFake) -> dict[str, float]:
    small, large = (job["job_id"] for job in fake.jobs)
    read(small)
    Path("/proc/self/clear_refs").write_text("5")
    before, begun = _memory("VmRSS"), time.perf_counter()
    sha256 = read(large)
    seconds = time.perf_counter() - begun
    assert sha256 in (None, fake.sha256(large))
    return {"seconds": seconds, "extra": _memory("VmHWM") - before}


def _outside(read: Read, fake: RemoteFake) -> dict[str, float]:
    """Measure a program of its own, beside one that reads the small file."""
    small, large = (job["job_id"] for job in fake.jobs)
    read(small)
    before, begun = _largest_child(), time.perf_counter()
    read(large)
    seconds = time.perf_counter() - begun
    return {"seconds": seconds, "extra": _largest_child() - before}


def _memory(name: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    found = next(line for line in lines if line.startswith(name))
    return int(found.split()[1]) * 1024


def _largest_child() -> float:
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024


def save(fake: RemoteFake, place: Path) -> Read:
    """Our own step, in this process."""
    from celery import Celery

    import phanedge_celery.tasks  # noqa: F401 -- registers them

    app = Celery("benchmark", broker="memory://", backend="cache+memory://")
    task = app.tasks["phanedge.save_file"]
    app.conf.update(
        task_always_eager=True,
        phanedge_base_url=fake.url,
        phanedge_api_key=fake.key,
        phanedge_storage=f"file://{place}",
    )
    files = {job["job_id"]: job["file_id"] for job in fake.jobs}

    def read(job: str) -> str:
        known = {"job_id": job, "file_id": files[job]}
        return str(task.apply((known, "{job_id}.mp4")).get()["sha256"])

    return read


def bare(fake: RemoteFake, _: Path) -> Read:
    """A stream of `requests` with a SHA-256; nothing is kept."""
    import requests

    def read(job: str) -> str:
        digest, place = hashlib.sha256(), fake.download_url(job)
        with requests.get(place, stream=True, timeout=60) as response:
            for chunk in response.iter_content(CHUNK):
                digest.update(chunk)
        return digest.hexdigest()

    return read


def content(fake: RemoteFake, place: Path) -> Read:
    """What a user would write: the whole body, then a file."""
    import requests

    def read(job: str) -> None:
        body = requests.get(fake.download_url(job), timeout=60).content
        (place / f"{job}.mp4").write_bytes(body)

    return read


def raw(fake: RemoteFake, _: Path) -> Read:
    """A socket read to its end into one buffer; nothing is kept."""

    def read(job: str) -> None:
        parts = urlsplit(fake.download_url(job))
        buffer = bytearray(CHUNK)
        with socket.create_connection((parts.hostname or "", parts.port or 80)) as sock:
            path = f"{parts.path}?{parts.query}"
            asked = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            sock.sendall(asked.encode())
            while sock.recv_into(buffer):
                pass

    return read


def curl(fake: RemoteFake, place: Path) -> Read:
    """curl into a file."""

    def read(job: str) -> None:
        target = str(place / f"{job}.mp4")
        command = ["curl", "--silent", "--fail", "-o", target, fake.download_url(job)]
        subprocess.run(command, check=True)

    return read


READERS: Final = {
    "save": save,
    "bare": bare,
    "content": content,
    "raw": raw,
    "curl": curl,
}

if __name__ == "__main__":
    sys.exit(main())
