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

SLOWLY = Fault(delay=0.4)
"""So that who looks from outside sees every stage, however short it is."""


def looks(stack: Stack, id: str, seen: list[tuple[Any, Any]]) -> Iterator[Any]:
    """Yield each change of stage and status; *seen* collects them in order."""

    def changed() -> Mapping[str, Any] | None:
        shown = stack.progress(id)
        now = (shown["stage"], shown["status"])
        return None if seen and seen[-1] == now else shown

    while True:
        shown = wait_for(changed, 20, every=0.01, what=lambda: f"a change of {seen}")
        assert shown is not None
        seen.append((shown["stage"], shown["status"]))
        yield shown
        if shown["state"] in ("SUCCESS", "FAILURE", "REVOKED"):
            return


def test_every_stage_and_status_is_seen_on_the_one_id_that_enqueue_returned(
    stack: Stack,
) -> None:
    request = stack.request("Queueing", "Processing", "Success")
    stack.fake.fault(SLOWLY, on="create", prompt=request["prompt"])
    seen: list[tuple[Any, Any]] = []

    result = enqueue_video(request, countdown=2)
    for shown in looks(stack, result.id, seen):
        assert shown["id"] == result.id
        assert (shown["job_id"] is None) == (shown["stage"] in ("queued", "submitting"))
        if shown["status"] == "Queueing":
            stack.fake.fault(SLOWLY, on="retrieve", job=shown["job_id"])
    stages = [seen for seen in seen if seen[0] != "ending"]

    assert stages == [
        ("queued", None),
        ("submitting", None),
        ("polling", None),
        ("polling", "Queueing"),
        ("polling", "Processing"),
        ("retrieving", "Success"),
        ("done", "Success"),
    ]
    assert stack.posts_of(request) == 1


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


@pytest.mark.parametrize("kind", ["job_id", "platform_id"])
def test_a_job_of_somebody_else_is_followed_by_either_of_its_ids(
    stack: Stack, kind: str
) -> None:
    job_id = stack.fake.add_job("Processing", "Success")
    [job] = [j for j in stack.fake.jobs if j["job_id"] == job_id]

    result = follow_video(job[kind])
    queued = stack.progress(result.id)
    video = result.get(timeout=20)

    assert queued["stage"] in ("queued", "polling")
    assert queued["job_id"] == job[kind]
    assert video["job_id"] == job_id
    assert video["file_id"] == job["file_id"]
    assert stack.ended(result.id)["polls"] == 2
    asked = [r.query for r in stack.fake.log("retrieve") if r.job_id == job_id]
    assert [query["task_id"] for query in asked] == [job_id]


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
