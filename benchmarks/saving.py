"""What saving a file costs beside reading it: bytes a second, and memory.

A fake serves the file from a process of its own. Each time a fresh process reads it: by
`save_file`, by a bare stream of `requests` with a SHA-256, by `.content` and a file, by
a raw socket, by curl. What is kept is kept in memory (`/dev/shm`), since on a disk the
figure is the disk's: a file of ours is flushed before it gets its name.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from benchmarks.measure import Asked, alternate, arguments, column, ratios
from benchmarks.reading import CHUNK
from benchmarks.report import Report
from benchmarks.stand import ROOT, serving

SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 -- a folder is made in it
CASES: Final = {
    "save": "save_file",
    "bare": "a bare stream with SHA-256",
    "kept": "the same into a file",
    "content": "requests' .content into a file",
    "raw": "a raw socket",
    "curl": "curl into a file",
}
MIB: Final = 2**20


def main(given: Sequence[str] | None = None) -> int:
    asked = arguments(__doc__, given)
    report = Report("saving")
    for megabytes in asked.size(full=(20, 200, 500), quick=(20,), tiny=(1,)):
        if asked.wants(str(megabytes)):
            _compare(report, asked, megabytes)
    report.say("Not measured: a disk, S3 or Django storages, TLS, a slow network.")
    return report.conclude(asked)


def _compare(report: Report, asked: Asked, megabytes: int) -> None:
    names = [name for name in CASES if name != "curl" or shutil.which("curl")]
    where = SHARED_MEMORY if SHARED_MEMORY.is_dir() else None
    with serving() as fake, tempfile.TemporaryDirectory(dir=where) as folder:
        fake.add_job(size=CHUNK)
        fake.add_job(size=megabytes * 1_000_000)
        cases: dict[str, Callable[[], Any]] = {
            name: partial(_read, name, fake.url, folder) for name in names
        }
        taken = alternate(cases, asked.rounds)
    seconds = {name: column(taken[name], "seconds") for name in names}
    for name in names:
        rates = [megabytes / took for took in seconds[name]]
        report.add(f"{megabytes} MB: {CASES[name]}", "MB/s", rates)
    for name in names:
        ratio = ratios(seconds[name], seconds["save"])
        title = f"{megabytes} MB: save_file's speed / {CASES[name]}"
        if name != "save":
            report.add(title, "times", ratio, at_least=0.9 if name == "bare" else None)
    for name in names:
        extra = [found / MIB for found in column(taken[name], "extra")]
        title, most = f"{megabytes} MB: {CASES[name]}", None
        report.add(title, "MiB more", extra, at_most=8 if name == "save" else most)


def _read(name: str, url: str, folder: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.reading", name, url, folder]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=ROOT)
    found: dict[str, float] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    sys.exit(main())
