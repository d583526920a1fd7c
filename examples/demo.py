"""The main job from end to end, on this machine alone: `make demo`.

A fake of the service, a broker and results in SQLite, and a worker, which is killed
on the way. With PHANEDGE_API_KEY set, one real job against the real service instead
(`PROMPT="…" make demo`).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from celery import Celery

from phanedge_celery import PhanEdgeError, enqueue_video, follow_video, video_progress

HERE = Path(__file__).resolve().parent
FOLDER = Path(os.environ.get("DEMO_FOLDER", tempfile.gettempdir()))
REAL = bool(os.environ.get("PHANEDGE_API_KEY")) and "DEMO_FAKE" not in os.environ

app = Celery("demo")
app.conf.update(
    broker_url=f"sqla+sqlite:///{FOLDER}/broker.sqlite",
    result_backend=f"db+sqlite:///{FOLDER}/results.sqlite",
    task_routes={"phanedge.*": {"queue": "phanedge"}},
    phanedge_schedule={} if REAL else {"first": 2, "every": 2},
)

ROW = "{:10}{:12}{:12}{:>6}{:>9}"


def main() -> int:
    with ExitStack() as stack:
        if not REAL:
            fake = stack.enter_context(running_fake())
        worker = Worker()
        stack.callback(worker.stop)
        try:
            if REAL:
                print("PHANEDGE_API_KEY is set: one real job, which costs money.")
                return show(real_job())
            say("Three videos, one that is refused, one submitted elsewhere.")
            return show(demo_jobs(fake), during=lambda: kill(worker))
        except KeyboardInterrupt:
            say("Stopped. Jobs that were submitted go on at the vendor.")
            return 130


def real_job() -> dict[str, str]:
    prompt = os.environ.get("PROMPT", "A cat surfs a small wave at sunset.")
    request = {"model": "MiniMax-Hailuo-02", "prompt": prompt}
    return {"your video": enqueue_video(request, app=app).id}


def demo_jobs(fake: Any) -> dict[str, str]:
    jobs = {}
    for what in ("A cat surfs.", "A dog paints.", "A fox reads."):
        request = {"model": "MiniMax-Hailuo-02", "prompt": what}
        jobs[what] = enqueue_video(request, app=app).id
    fake.script("Queueing", "query_fail_1027", prompt="A forbidden thing.")
    request = {"model": "MiniMax-Hailuo-02", "prompt": "A forbidden thing."}
    jobs["A forbidden thing."] = enqueue_video(request, app=app).id
    jobs["submitted elsewhere"] = follow_video(fake.add_job(), app=app).id
    return jobs


def kill(worker: Worker) -> None:
    say("SIGKILL to the worker and its children, in the middle of everything.")
    worker.kill()
    worker.start()
    say("Another worker starts. What waited in the dead one is overdue in a moment.")


def show(jobs: Mapping[str, str], during: Any = None) -> int:
    """Show the jobs until all have ended, then what each has come to."""
    seen: dict[str, tuple[Any, ...]] = {}
    print(ROW.format("id", "stage", "status", "polls", "elapsed"))
    while True:
        rows = [video_progress(id, app=app) for id in jobs.values()]
        for row in rows:
            line = (row["stage"], row["status"])
            if seen.get(row["id"]) != line:
                seen[row["id"]] = line
                print_row(row)
        if all(row["state"] in ("SUCCESS", "FAILURE", "REVOKED") for row in rows):
            return outcomes(jobs)
        if during and any(row["polls"] >= 2 for row in rows):
            during()
            during = None
        time.sleep(0.5)


def print_row(row: Mapping[str, Any]) -> None:
    cells = (row["id"][:8], row["stage"], row["status"], row["polls"], row["elapsed"])
    print(
        ROW.format(*("–" if cell is None else str(cell) for cell in cells)), flush=True
    )


def outcomes(jobs: Mapping[str, str]) -> int:
    for what, id in jobs.items():
        say(what)
        try:
            print(json.dumps(app.AsyncResult(id).get(timeout=10), indent=2))
        except PhanEdgeError as error:
            print(f"{type(error).__name__}: {error}")
    return 0


def say(text: str) -> None:
    print(f"\n— {text}", flush=True)


class Worker:
    """A worker process of its own, with its log in the demo's folder."""

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "celery", "-A", "demo", "worker"]
        command += ["-Q", "phanedge", "-c", "2", "-l", "INFO", "--without-gossip"]
        log = (FOLDER / "worker.log").open("ab")
        with log:
            self.process = subprocess.Popen(
                command, cwd=HERE, stdout=log, stderr=log, start_new_session=True
            )

    def kill(self) -> None:
        self.signal(signal.SIGKILL)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                self.kill()

    def signal(self, number: int) -> None:
        os.killpg(self.process.pid, number)
        self.process.wait()


@contextmanager
def running_fake() -> Iterator[Any]:
    from phanedge_celery.testing import FakePhanEdge, Timeline

    with FakePhanEdge(timeline=Timeline.seconds(queueing=4, processing=8)) as fake:
        os.environ |= {
            "PHANEDGE_BASE_URL": fake.url,
            "PHANEDGE_API_KEY": fake.key,
            "DEMO_FAKE": "1",
        }
        say(f"A fake of the service listens on {fake.url}.")
        yield fake


if __name__ == "__main__":
    if "DEMO_FOLDER" in os.environ:
        sys.exit(main())
    with tempfile.TemporaryDirectory(prefix="phanedge-demo-") as folder:
        # Another process, so that the app above is made in the folder.
        environment = {**os.environ, "DEMO_FOLDER": folder}
        sys.exit(subprocess.call([sys.executable, __file__], env=environment))
