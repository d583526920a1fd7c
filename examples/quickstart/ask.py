"""Ask for a video, and look at it until it is there."""

from __future__ import annotations

import time

from shop import app

from phanedge_celery import enqueue_video, video_progress

request = {"model": "MiniMax-Hailuo-02", "prompt": "A cat surfs."}
result = enqueue_video(request, key="order-42/1", app=app)
while not result.ready():
    now = video_progress(result.id, app=app)
    print(now["stage"], now["status"], now["job_id"], flush=True)
    time.sleep(1)
print(result.get()["download_url"])
