"""What importing costs, beside what Celery's own import costs.

Each import runs in a fresh interpreter, with byte code already written. CPU is that of
the whole process, less that of an interpreter which imports nothing. A web process
imports the package, a worker the tasks too; the loop a user would write needs Celery
and `requests` in both.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from typing import Final

from benchmarks.measure import alternate, arguments, ratios
from benchmarks.report import Report
from benchmarks.stand import ROOT

GOAL: Final = 1.15
WORKERS: Final = (
    "from celery import Celery; import celery.bin.worker, celery.worker.strategy,"
    " celery.concurrency.prefork, celery.app.trace"
)
CASES: Final = {
    "nothing": "",
    "from celery import Celery": "from celery import Celery",
    "import phanedge_celery": "import phanedge_celery",
    "the names that a web process uses": (
        "from phanedge_celery import enqueue_video, video_progress"
    ),
    "a worker without our tasks": WORKERS,
    "a worker with our tasks": f"{WORKERS}, phanedge_celery.tasks",
    "a worker with requests": f"{WORKERS}, requests",
}
CELERY, WEB, NAMES, WORKER, OURS, NAIVE = list(CASES)[1:]


def main(given: Sequence[str] | None = None) -> int:
    asked = arguments(__doc__, given, full=15)
    cases = {name: partial(imported, code) for name, code in CASES.items()}
    for case in cases.values():
        case()
    taken = alternate(cases, asked.rounds)
    net = {
        name: [a - b for a, b in zip(samples, taken["nothing"], strict=True)]
        for name, samples in taken.items()
    }
    report = Report("importing")
    report.add("an interpreter that imports nothing", "ms CPU", taken["nothing"])
    for name in list(CASES)[1:]:
        report.add(name, "ms CPU more", net[name])
    to_celery = ratios(net[WEB], net[CELERY])
    report.add(
        "import phanedge_celery / from celery import Celery",
        "times",
        to_celery,
        at_most=GOAL,
    )
    names = ratios(net[NAMES], net[CELERY])
    report.add("with the names used / from celery import Celery", "times", names)
    report.add(
        "a worker with our tasks / one without", "times", ratios(net[OURS], net[WORKER])
    )
    report.add(
        "a worker with requests / one without",
        "times",
        ratios(net[NAIVE], net[WORKER]),
    )
    report.say("Not measured: a cold disk, and the first run, which writes byte code.")
    return report.conclude(asked)


def imported(code: str) -> float:
    """Return the milliseconds of CPU of an interpreter that runs *code*."""
    before = os.times()
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
    after = os.times()
    used = after.children_user - before.children_user
    return 1000 * (used + after.children_system - before.children_system)


if __name__ == "__main__":
    sys.exit(main())
