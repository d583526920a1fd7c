"""Cancelling: one defined outcome, told honestly, that nothing late overwrites."""

from __future__ import annotations

import time
from typing import Any, Final
from uuid import uuid4

import pytest
from celery import chain, group
from celery.exceptions import TaskRevokedError

from phanedge_celery import (
    JobFailed,
    JobNotFound,
    cancel_video,
    enqueue_video,
    follow_video,
    poll_video,
    resume_video,
    submit_video,
)
from phanedge_celery.testing import Fault
from tests.apps.plain import other, record
from tests.stacks import Stack
from tests.workers import wait_for

LAST: Final = 15
"""Of the jobs that race; it has ended for sure."""
NOTHING_YET: Final = {
    "stopped": "before_submit",
    "job_id": None,
    "may_be_billed": False,
}


def settled(stack: Stack, id: str) -> None:
    """Wait until the world has been told, and the ticket is done with it."""
    stack.ended(id)
    wait_for(lambda: stack.ticket(id).next_at is None, what="a settled ticket")


def assert_cancelled(stack: Stack, id: str) -> None:
    settled(stack, id)
    asked = stack.fake.counts
    shown = stack.progress(id)

    assert (shown["state"], shown["stage"]) == ("REVOKED", "cancelled")
    assert shown["video"] is None
    with pytest.raises(TaskRevokedError):
        stack.result(id).get(timeout=5)
    assert stack.state(id) == "REVOKED"
    assert stack.fake.counts == asked


def steps_end(stack: Stack, id: str, number: int) -> None:
    """Wait until so many steps of the job have come back from what they did."""
    assert stack.worker is not None
    log = stack.worker.log
    ended = f"[{id}] ignored"
    wait_for(lambda: log().count(ended) >= number, 30, what=f"{number} steps")


def test_a_job_that_still_waits_is_never_submitted(redis_stack: Stack) -> None:
    request = redis_stack.request()
    id = enqueue_video(request, countdown=50).id

    assert cancel_video(id) == NOTHING_YET
    assert_cancelled(redis_stack, id)
    assert redis_stack.posts_of(request) == 0


def test_a_job_that_is_followed_is_followed_no_more(stack: Stack) -> None:
    job_id = stack.fake.add_job("Processing")
    id = follow_video(job_id).id
    wait_for(lambda: stack.progress(id)["polls"], 20)

    told = cancel_video(id)

    assert told == {"stopped": "following", "job_id": job_id, "may_be_billed": True}
    assert_cancelled(stack, id)
    assert stack.progress(id)["job_id"] == job_id


def test_a_job_cancelled_while_it_is_submitted_keeps_the_id_that_comes(
    redis_stack: Stack,
) -> None:
    request = redis_stack.request("Processing")
    slowly = Fault(delay=2)
    redis_stack.fake.fault(slowly, on="create", prompt=request["prompt"])
    id = enqueue_video(request).id
    redis_stack.stage(id, "submitting")

    told = cancel_video(id)
    wait_for(lambda: redis_stack.progress(id)["job_id"], what="the job's id")

    assert told == {"stopped": "following", "job_id": None, "may_be_billed": True}
    assert_cancelled(redis_stack, id)
    [job] = [j for j in redis_stack.fake.jobs if j["request"] == request]
    assert redis_stack.progress(id)["job_id"] == job["job_id"]
    assert job["polls"] == 0


@pytest.mark.parametrize("end", ["Success", "Fail", "Processing"])
def test_a_poll_in_flight_does_not_overwrite_a_cancelled_job(
    redis_stack: Stack, end: str
) -> None:
    job_id = redis_stack.fake.add_job("Processing", end)
    redis_stack.fake.fault(Fault(delay=2), on="query", job=job_id, skip=1)
    id = follow_video(job_id).id
    redis_stack.fake_asked("query", job_id, 2)

    told = cancel_video(id)

    assert told["stopped"] == "following"
    steps_end(redis_stack, id, 3)
    assert_cancelled(redis_stack, id)


def test_a_retrieve_in_flight_does_not_overwrite_a_cancelled_job(
    redis_stack: Stack,
) -> None:
    job_id = redis_stack.fake.add_job("Success")
    redis_stack.fake.fault(Fault(delay=2), on="retrieve", job=job_id)
    id = follow_video(job_id).id
    redis_stack.stage(id, "retrieving")

    told = cancel_video(id)

    assert told == {"stopped": "following", "job_id": job_id, "may_be_billed": True}
    steps_end(redis_stack, id, 3)
    assert_cancelled(redis_stack, id)


def test_a_finished_job_is_too_late_to_cancel(redis_stack: Stack) -> None:
    job_id = redis_stack.fake.add_job("Success")
    id = follow_video(job_id).id
    before = redis_stack.ended(id)

    told = cancel_video(id)

    assert told == {"stopped": "too_late", "job_id": job_id, "may_be_billed": True}
    assert redis_stack.progress(id) == before
    assert redis_stack.result(id).state == "SUCCESS"


def test_a_failed_job_is_too_late_to_cancel(redis_stack: Stack) -> None:
    id = enqueue_video(redis_stack.request("Fail")).id
    redis_stack.ended(id)

    assert cancel_video(id)["stopped"] == "too_late"
    with pytest.raises(JobFailed):
        redis_stack.result(id).get(timeout=5)


def test_a_submission_without_an_answer_may_be_billed(redis_stack: Stack) -> None:
    request = redis_stack.request()
    lost = Fault(hang_up="reset")
    redis_stack.fake.fault(lost, on="create", prompt=request["prompt"])
    id = enqueue_video(request).id
    redis_stack.ended(id)

    told = cancel_video(id)

    assert told == {"stopped": "too_late", "job_id": None, "may_be_billed": True}


def test_cancelling_twice_tells_the_canvas_once(redis_stack: Stack) -> None:
    label = str(uuid4())
    job_id = redis_stack.fake.add_job("Processing")
    id = follow_video(job_id, link_error=record.s(label=label)).id
    wait_for(lambda: redis_stack.progress(id)["polls"])

    first, second = cancel_video(id), cancel_video(id)
    assert_cancelled(redis_stack, id)
    wait_for(lambda: redis_stack.recorded(label))

    assert (first["stopped"], second["stopped"]) == ("following", "too_late")
    assert len(redis_stack.recorded(label)) == 1


def test_a_cancelled_job_is_not_resumed(redis_stack: Stack) -> None:
    id = follow_video(redis_stack.fake.add_job("Processing")).id
    cancel_video(id)
    settled(redis_stack, id)

    assert resume_video(id)["resumed"] is None
    assert_cancelled(redis_stack, id)


def test_a_node_that_has_not_begun_is_cancelled_before_it_does(
    redis_stack: Stack,
) -> None:
    request, id, label = redis_stack.request(), str(uuid4()), str(uuid4())
    tail = other.s()
    canvas = chain(
        other.si("first").set(countdown=1),
        submit_video.si(request).set(task_id=id),
        tail,
    )
    canvas.link_error(record.s(label=label))
    last = canvas.apply_async()

    told = cancel_video(id)
    shown = redis_stack.progress(id)

    assert told == NOTHING_YET
    assert (shown["state"], shown["stage"]) == ("REVOKED", "cancelled")
    with pytest.raises(TaskRevokedError):
        last.get(timeout=20)
    assert redis_stack.state(last.id) == "REVOKED"
    wait_for(lambda: redis_stack.recorded(label))
    assert redis_stack.posts_of(request) == 0
    assert len(redis_stack.recorded(label)) == 1


@pytest.mark.parametrize("id", ["", "a\nb", "x" * 256, None, 7])
def test_what_can_be_no_id_is_refused(redis_stack: Stack, id: Any) -> None:
    with pytest.raises(JobNotFound):
        cancel_video(id)


def test_a_cancel_that_races_the_end_says_who_won(redis_stack: Stack) -> None:
    def racing(number: int) -> tuple[str, str]:
        job_id = redis_stack.fake.add_job("Processing", "Success")
        id = str(uuid4())
        link = record.si(label=f"link {id}")
        error = record.s(label=f"error {id}")
        follow_video(job_id, task_id=id, link=link, link_error=error)
        if number == LAST:
            redis_stack.ended(id)
        time.sleep(0.02 * number)
        return id, cancel_video(id)["stopped"]

    told = dict(racing(number) for number in range(LAST + 1))

    for id, stopped in told.items():
        settled(redis_stack, id)
        won = stopped != "too_late"
        state = "REVOKED" if won else "SUCCESS"
        assert redis_stack.result(id).state == state
        assert redis_stack.progress(id)["state"] == state
        heard = f"error {id}" if won else f"link {id}"
        wait_for(lambda heard=heard: redis_stack.recorded(heard), what=heard)  # type: ignore[misc]
        assert _calls(redis_stack, id) == 1
    assert {"following", "too_late"} <= set(told.values())


def _calls(stack: Stack, id: str) -> int:
    return len(stack.recorded(f"link {id}")) + len(stack.recorded(f"error {id}"))


def test_looks_and_cancels_do_not_disturb_who_waits_in_the_same_process(
    redis_stack: Stack,
) -> None:
    endless = redis_stack.fake.add_job("Processing")
    quick = redis_stack.fake.add_job("Success")
    sent: Any = group(poll_video.s(endless), poll_video.s(quick)).apply_async()
    id = sent.results[0].id
    redis_stack.stage(id, "polling")
    redis_stack.ended(sent.results[1].id)

    cancel_video(id)

    # Celery subscribed at the sending; the end of any other result would undo that.
    with pytest.raises(TaskRevokedError):
        sent.get(timeout=10)
