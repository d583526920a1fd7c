"""One process that reads two files of a fake, a small one first, and what it takes.

    python -m benchmarks.reading save http://127.0.0.1:8900 /dev/shm

The fake has two jobs. Printed are seconds and bytes of memory as JSON, of the second
file; the memory is the peak over what the process had before, since a worker has read
other files, too. The seconds are those of another reading, after what was kept is gone:
where memory is handed out by a hypervisor, its first touch costs more than the file.
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
        told = (_outside if name == "curl" else _inside)(read, fake, Path(place))
    print(json.dumps(told))
    return 0


def _inside(read: Read, fake: RemoteFake, place: Path) -> dict[str, float]:
    small, large = (job["job_id"] for job in fake.jobs)
    read(small)
    Path("/proc/self/clear_refs").write_text("5")
    before = _memory("VmRSS")
    sha256 = read(large)
    extra = _memory("VmHWM") - before
    assert sha256 in (None, fake.sha256(large))
    return {"seconds": _again(read, large, place), "extra": extra}


def _outside(read: Read, fake: RemoteFake, place: Path) -> dict[str, float]:
    """Measure a program of its own, beside one that reads the small file."""
    small, large = (job["job_id"] for job in fake.jobs)
    read(small)
    before = _largest_child()
    read(large)
    extra = _largest_child() - before
    return {"seconds": _again(read, large, place), "extra": extra}


def _again(read: Read, job: str, place: Path) -> float:
    """Return the seconds of another reading, into memory that has been touched."""
    for kept in place.rglob("*.mp4"):
        kept.unlink()
    begun = time.perf_counter()
    read(job)
    return time.perf_counter() - begun


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


def kept(fake: RemoteFake, place: Path) -> Read:
    """The same stream, kept as it comes."""
    import requests

    def read(job: str) -> str:
        digest, url = hashlib.sha256(), fake.download_url(job)
        with (
            requests.get(url, stream=True, timeout=60) as response,
            (place / f"{job}.mp4").open("wb") as file,
        ):
            for chunk in response.iter_content(CHUNK):
                digest.update(chunk)
                file.write(chunk)
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
    "kept": kept,
    "content": content,
    "raw": raw,
    "curl": curl,
}

if __name__ == "__main__":
    sys.exit(main())
