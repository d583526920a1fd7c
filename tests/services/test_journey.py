"""The main job on each broker, seen from another process than the worker's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from phanedge_celery import (
    ContentRejected,
    JobFailed,
    PhanEdgeError,
    Video,
    enqueue_video,
    follow_video,
)
from phanedge_celery.testing import Fault, fail
from tests.stacks import Stack
from tests.workers import wait_for

SLOWLY = Fault(delay=0.3)
"""So that who looks from outside sees every stage, however short it is."""


Look = tuple[str | None, str | None]


def told(stack: Stack, id: str) -> Look:
    """Return stage and status as the result backend has them."""
    state, result = stack.told(id)
    if state == "PROGRESS":
        return result["stage"], result["status"]
    return ("done", "Success") if state == "SUCCESS" else (state, None)


def looks(stack: Stack, id: str, backend: list[Look]) -> Iterator[Mapping[str, Any]]:
    """Yield each change of stage and status until the end.

    *backend* collects, in order, what the result backend told meanwhile.
    """
    last: Look = (None, None)

    def changed() -> Mapping[str, Any] | None:
        shown = stack.progress(id)
        if (now := told(stack, id)) not in backend[-1:]:
            backend.append(now)
        return None if (shown["stage"], shown["status"]) == last else shown

    while last[0] not in ("done", "failed", "cancelled"):
        shown = wait_for(changed, 20, every=0.01, what=f"more than {last}")
        assert shown is not None
        last = (shown["stage"], shown["status"])
        yield shown


def test_every_stage_and_status_is_seen_on_the_one_id_that_enqueue_returned(
    stack: Stack,
) -> None:
    request = stack.request("Queueing", "Processing", "Success")
    stack.fake.fault(SLOWLY, on="create", prompt=request["prompt"])
    progress: list[Look] = []
    backend: list[Look] = []

    result = enqueue_video(request, countdown=1)
    for shown in looks(stack, result.id, backend):
        assert shown["id"] == result.id
        assert (shown["job_id"] is None) == (shown["stage"] in ("queued", "submitting"))
        if shown["stage"] == "polling" and shown["status"] is None:
            where = ("query", "retrieve")
            stack.fake.fault(SLOWLY, on=where, job=shown["job_id"], times=None)
        if shown["stage"] != "ending":
            progress.append((shown["stage"], shown["status"]))

    assert progress == STAGES
    assert backend == STAGES
    assert stack.posts_of(request) == 1


STAGES: list[Look] = [
    ("queued", None),
    ("submitting", None),
    ("polling", None),
    ("polling", "Queueing"),
    ("polling", "Processing"),
    ("retrieving", "Success"),
    ("done", "Success"),
]


def test_the_result_is_the_video_in_plain_json(stack: Stack) -> None:
    request = stack.request("Success")

    result = enqueue_video(request)
    video = Video.model_validate(result.get(timeout=20))

    [job] = [j for j in stack.fake.jobs if j["request"] == request]
    assert (video.job_id, video.platform_id, video.file_id) == (
        job["job_id"],
        job["platform_id"],
        job["file_id"],
    )
    assert (video.status, video.width, video.height) == ("Success", 1366, 768)
    assert video.download_url is not None
    assert video.retrieved_at is not None
    assert (video.bytes, video.saved_to) == (2210, None)
    assert stack.ended(result.id)["video"] == result.get()


def test_a_job_of_somebody_else_is_followed_by_either_of_its_ids(
    stack: Stack,
) -> None:
    kinds = ("job_id", "platform_id")
    made = [stack.fake.add_job("Processing", "Success") for _ in kinds]
    jobs = [job for job in stack.fake.jobs if job["job_id"] in made]
    named = [job[kind] for job, kind in zip(jobs, kinds, strict=True)]

    results = [follow_video(name) for name in named]
    queued = [stack.progress(result.id) for result in results]
    videos = [result.get(timeout=20) for result in results]

    for job, name, begun, video in zip(jobs, named, queued, videos, strict=True):
        assert begun["stage"] in ("queued", "polling")
        assert begun["job_id"] in (name, job["job_id"])
        assert (video["job_id"], video["file_id"]) == (job["job_id"], job["file_id"])
        assert stack.fake.polls_of(job["job_id"]) == 2
        log = stack.fake.log("retrieve")
        asked = [r.query["task_id"] for r in log if r.job_id == job["job_id"]]
        assert asked == [job["job_id"]]


def test_a_failed_job_raises_our_error_with_all_it_knows(stack: Stack) -> None:
    refused = stack.request("Processing", fail(1027, "output new_sensitive"))
    broken = stack.request("Processing", {"status": "Fail", "error_message": "no GPU"})
    results = [enqueue_video(refused), enqueue_video(broken)]

    with pytest.raises(ContentRejected) as rejected:
        results[0].get(timeout=20)
    with pytest.raises(JobFailed, match="no GPU") as failed:
        results[1].get(timeout=20)

    for result, caught in zip(results, (rejected, failed), strict=True):
        told = _fields(caught.value)
        shown = stack.ended(result.id)
        assert (shown["state"], shown["stage"]) == ("FAILURE", "failed")
        assert shown["error"] == told | {"resumable": False}
        assert told["job_id"] == shown["job_id"]
    assert rejected.value.code == 1027


def _fields(error: PhanEdgeError) -> dict[str, Any]:
    return {
        "type": type(error).__name__,
        "message": error.message,
        "code": error.code,
        "job_id": error.job_id,
    }
