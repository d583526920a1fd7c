"""Four canvases with videos in them: chain, group, chord, link_error.

    python examples/canvases.py

Each video is one node whose result is the video. A fake of the service and a worker
are started for the while, on SQLite.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from celery import Celery, chain, chord, group
from celery.result import AsyncResult

from phanedge_celery import ContentRejected, poll_video, retrieve_file, submit_video
from phanedge_celery.testing import FakePhanEdge

HERE = Path(__file__).resolve().parent
FOLDER = os.environ.get("CANVASES_FOLDER", tempfile.gettempdir())

app = Celery("canvases")
app.conf.update(
    broker_url=f"sqla+sqlite:///{FOLDER}/broker.db",
    result_backend=f"db+sqlite:///{FOLDER}/results.db",
    task_default_queue="canvases",
    phanedge_schedule={"first": 1, "every": 1},
)


@app.task
def publish(video: dict[str, Any], page: str) -> str:
    """Stand for what your site does with a finished video."""
    return f"{page} shows the video of job {video['job_id']}"


@app.task
def make_montage(videos: list[dict[str, Any]]) -> str:
    return f"a montage of {len(videos)} videos"


@app.task
def tell_somebody(request: Any, error: Exception, traceback: Any) -> None:
    """Hear of a failure: an errback gets the failed task's request, and its error."""
    told = Path(FOLDER, "told.part")
    told.write_text(f"{request.id}: {error}", encoding="utf-8")
    told.rename(Path(FOLDER, "told"))


def video(prompt: str) -> dict[str, Any]:
    return {"model": "MiniMax-Hailuo-02", "prompt": prompt}


def one_after_the_other() -> Any:
    return chain(submit_video.s(video("A cat surfs.")), publish.s("/cats/1"))()


def jobs_that_somebody_else_submitted(fake: FakePhanEdge) -> Any:
    job_ids = [fake.add_job(), fake.add_job()]
    return group(poll_video.s(job_id) for job_id in job_ids)()


def many_then_one() -> Any:
    videos = [video(f"Scene {number}") for number in (1, 2, 3)]
    return chord([submit_video.s(each) for each in videos])(make_montage.s())


def step_by_step(fake: FakePhanEdge) -> Any:
    poll = poll_video.s(fake.add_job(), retrieve=False)
    return chain(poll, retrieve_file.s())()


def with_an_errback(fake: FakePhanEdge) -> AsyncResult[Any]:
    fake.script("query_fail_1027", prompt="A forbidden thing.")
    submit = submit_video.s(video("A forbidden thing."))
    return submit.apply_async(link_error=tell_somebody.s())


def main() -> int:
    with FakePhanEdge() as fake:
        os.environ |= {"PHANEDGE_BASE_URL": fake.url, "PHANEDGE_API_KEY": fake.key}
        worker = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "canvases", "worker", "-c", "2"],
            cwd=HERE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            show(fake)
        finally:
            worker.terminate()
            worker.wait(30)
    return 0


def show(fake: FakePhanEdge) -> None:
    started = {
        "chain": one_after_the_other(),
        "group": jobs_that_somebody_else_submitted(fake),
        "chord": many_then_one(),
        "the steps, spelled out": step_by_step(fake),
        "link_error": with_an_errback(fake),
    }
    for name, result in started.items():
        print(f"{name}: {outcome(result)}", flush=True)
    print(f"the errback was told: {told()}")


def outcome(result: AsyncResult[Any]) -> str:
    try:
        return short(result.get(timeout=60))
    except ContentRejected as error:
        return f"{type(error).__name__}: {error}"


def short(result: Any) -> str:
    if isinstance(result, list):
        return ", ".join(short(each) for each in result)
    return f"job {result['job_id']}" if isinstance(result, dict) else str(result)


def told() -> str:
    """Return what the errback wrote; it runs after the failure can be seen."""
    file = Path(FOLDER, "told")
    for _ in range(100):
        if file.exists():
            return file.read_text(encoding="utf-8")
        time.sleep(0.1)
    return "nothing"


if __name__ == "__main__":
    if "CANVASES_FOLDER" in os.environ:
        sys.exit(main())
    with tempfile.TemporaryDirectory(prefix="phanedge-canvases-") as folder:
        # Another process, so that the app above is made in the folder.
        environment = {**os.environ, "CANVASES_FOLDER": folder}
        sys.exit(subprocess.call([sys.executable, __file__], env=environment))
