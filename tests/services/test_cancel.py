"""Cancelling: one defined outcome, told honestly, that nothing late overwrites."""

from __future__ import annotations

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


def test_a_job_that_still_waits_is_never_submitted(stack: Stack) -> None:
    request = stack.request()
    id = enqueue_video(request, countdown=50).id

    assert cancel_video(id) == NOTHING_YET
    assert_cancelled(stack, id)
    assert stack.posts_of(request) == 0


def test_a_job_that_is_followed_is_followed_no_more(stack: Stack) -> None:
    job_id = stack.fake.add_job("Processing")
    id = follow_video(job_id).id
    wait_for(lambda: stack.progress(id)["polls"], 20)

    told = cancel_video(id)

    assert told == {"stopped": "following", "job_id": job_id, "may_be_billed": True}
    assert_cancelled(stack, id)
    assert stack.progress(id)["job_id"] == job_id


def test_a_job_cancelled_while_it_is_submitted_keeps_the_id_that_comes(
    each_way: Stack,
) -> None:
    request = each_way.request("Processing")
    slowly = Fault(delay=2)
    each_way.fake.fault(slowly, on="create", prompt=request["prompt"])
    id = enqueue_video(request).id
    each_way.stage(id, "submitting")

    told = cancel_video(id)
    wait_for(lambda: each_way.progress(id)["job_id"], what="the job's id")

    assert told == {"stopped": "following", "job_id": None, "may_be_billed": True}
    assert_cancelled(each_way, id)
    [job] = [j for j in each_way.fake.jobs if j["request"] == request]
    assert each_way.progress(id)["job_id"] == job["job_id"]
    assert job["polls"] == 0


def test_a_finished_job_is_too_late_to_cancel(each_way: Stack) -> None:
    job_id = each_way.fake.add_job("Success")
    id = follow_video(job_id).id
    before = each_way.ended(id)

    told = cancel_video(id)

    assert told == {"stopped": "too_late", "job_id": job_id, "may_be_billed": True}
    assert each_way.progress(id) == before
    assert each_way.result(id).state == "SUCCESS"


def test_a_failed_job_is_too_late_to_cancel(each_way: Stack) -> None:
    id = enqueue_video(each_way.request("Fail")).id
    each_way.ended(id)

    assert cancel_video(id)["stopped"] == "too_late"
    with pytest.raises(JobFailed):
        each_way.result(id).get(timeout=5)


def test_a_submission_without_an_answer_may_be_billed(each_way: Stack) -> None:
    request = each_way.request()
    lost = Fault(hang_up="reset")
    each_way.fake.fault(lost, on="create", prompt=request["prompt"])
    id = enqueue_video(request).id
    each_way.ended(id)

    told = cancel_video(id)

    assert told == {"stopped": "too_late", "job_id": None, "may_be_billed": True}


def test_cancelling_twice_tells_the_canvas_once(each_way: Stack) -> None:
    label = str(uuid4())
    job_id = each_way.fake.add_job("Processing")
    id = follow_video(job_id, link_error=record.s(label=label)).id
    wait_for(lambda: each_way.progress(id)["polls"])

    first, second = cancel_video(id), cancel_video(id)
    assert_cancelled(each_way, id)
    wait_for(lambda: each_way.recorded(label))

    assert (first["stopped"], second["stopped"]) == ("following", "too_late")
    assert len(each_way.recorded(label)) == 1


def test_a_cancelled_job_is_not_resumed(each_way: Stack) -> None:
    id = follow_video(each_way.fake.add_job("Processing")).id
    cancel_video(id)
    settled(each_way, id)

    assert resume_video(id)["resumed"] is None
    assert_cancelled(each_way, id)


def test_a_node_that_has_not_begun_is_cancelled_before_it_does(
    stack: Stack,
) -> None:
    request, id, label = stack.request(), str(uuid4()), str(uuid4())
    tail = other.s()
    canvas = chain(
        other.si("first").set(countdown=1),
        submit_video.si(request).set(task_id=id),
        tail,
    )
    canvas.link_error(record.s(label=label))
    last = canvas.apply_async()

    told = cancel_video(id)
    shown = stack.progress(id)

    assert told == NOTHING_YET
    assert (shown["state"], shown["stage"]) == ("REVOKED", "cancelled")
    with pytest.raises(TaskRevokedError):
        last.get(timeout=20)
    assert stack.state(last.id) == "REVOKED"
    wait_for(lambda: stack.recorded(label))
    assert stack.posts_of(request) == 0
    assert len(stack.recorded(label)) == 1


@pytest.mark.parametrize("id", ["", "a\nb", "x" * 256, None, 7])
def test_what_can_be_no_id_is_refused(each_way: Stack, id: Any) -> None:
    with pytest.raises(JobNotFound):
        cancel_video(id)


def test_looks_and_cancels_do_not_disturb_who_waits_in_the_same_process(
    each_way: Stack,
) -> None:
    endless = each_way.fake.add_job("Processing")
    quick = each_way.fake.add_job("Success")
    sent: Any = group(poll_video.s(endless), poll_video.s(quick)).apply_async()
    id = sent.results[0].id
    each_way.stage(id, "polling")
    each_way.ended(sent.results[1].id)

    cancel_video(id)

    # Celery subscribed at the sending; the end of any other result would undo that.
    with pytest.raises(TaskRevokedError):
        sent.get(timeout=10)
