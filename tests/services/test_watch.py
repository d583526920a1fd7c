"""What the watch does for jobs whose messages are gone, or only wait."""

from __future__ import annotations

import time

import pytest

from phanedge_celery import follow_video, video_progress
from phanedge_celery.testing import FakePhanEdge, Options, Timeline
from tests.apps.plain import environment, make_app
from tests.servers import FreshRedis
from tests.workers import WorkerProcess, wait_for

pytestmark = pytest.mark.timeout(300)
AT_ONCE = {"first": 1, "every": 2, "jitter": 0}
TIMELINE = Timeline.seconds(processing=20)
KEYS = Options(keys=("a-key-of-the-tests",))


def test_ten_jobs_that_waited_in_a_killed_worker_go_on_within_ninety_seconds(
    fresh_redis: FreshRedis,
) -> None:
    with FakePhanEdge(timeline=TIMELINE, options=KEYS) as fake:
        env = environment(
            broker=fresh_redis.broker,
            backend=fresh_redis.backend,
            base_url=fake.url,
            schedule=AT_ONCE,
        )
        app = make_app(env)
        ids = [follow_video(fake.add_job(), app=app).id for _ in range(10)]
        with WorkerProcess(env) as worker:
            wait_for(lambda: fake.polls >= 20, 60, what="two polls of each job")
            worker.kill()
        killed, polls = time.monotonic(), fake.polls

        with WorkerProcess(env):
            wait_for(lambda: fake.polls >= polls + 10, 90, what="polls of all ten")
            asked = time.monotonic() - killed
            wait_for(
                lambda: all(_state(app, id) == "SUCCESS" for id in ids),
                60,
                what=lambda: str([_state(app, id) for id in ids]),
            )

    assert asked <= 90
    assert fake.counts.get("retrieve") == 10


def _state(app: object, id: str) -> str:
    return str(video_progress(id, app=app)["state"])  # type: ignore[arg-type]
