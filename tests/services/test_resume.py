"""Going on under the same id: after each failure that allows it, and by adoption."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any, Final
from uuid import uuid4

import pytest
from celery import chain
from celery.exceptions import TimeoutError as NotYet

from phanedge_celery import (
    JobNotFound,
    RequestInvalid,
    enqueue_video,
    follow_video,
    resume_video,
    submit_video,
)
from phanedge_celery.testing import Fault, fail
from phanedge_celery.testing.timelines import Step
from phanedge_celery.tickets import store_for
from tests.apps.plain import other, record
from tests.stacks import Stack

AS_IT_IS: Final = {"resumed": None, "canvas_told": False}
REOPENED: Final = {"resumed": "reopened", "canvas_told": True}

RESUMABLE: Final[Mapping[str, tuple[Step, float | None]]] = {
    "AuthenticationFailed": ("gateway_401", None),
    "QuotaExhausted": ("gateway_401_quota", None),
    "JobNotFound": ("gateway_404", None),
    "UnexpectedAnswer": ("query_unknown_code", None),
    "FileUnavailable": ("query_success_no_file_id", None),
    "JobTimedOut": ("Processing", 0.5),
    "RateLimited": ("query_rate_limited", 0.5),
    "ServiceUnavailable": ("query_internal_error", 0.5),
}
"""What a query tells for ever, and how long that is waited for."""

FINAL: Final[Mapping[str, Step]] = {
    "JobFailed": "Fail",
    "ContentRejected": fail(1026, "input new_sensitive"),
}


def failed(stack: Stack, type: str, *steps: Step, **options: Any) -> dict[str, Any]:
    """Follow a job until it has failed with that type of error."""
    id = follow_video(stack.fake.add_job("Processing", *steps), **options).id
    shown = stack.ended(id)
    assert shown["error"]["type"] == type
    return shown


@pytest.mark.parametrize("name", RESUMABLE)
def test_a_failure_that_can_pass_goes_on_under_its_id(
    each_way: Stack, name: str
) -> None:
    step, max_wait = RESUMABLE[name]
    before = failed(each_way, name, step, max_wait=max_wait)
    each_way.fake.script("Processing", "Success", job=before["job_id"])

    told = resume_video(before["id"])
    after = each_way.ended(before["id"])

    assert before["error"]["resumable"] is True
    assert told == REOPENED
    assert (after["state"], after["error"]) == ("SUCCESS", None)
    assert after["video"]["job_id"] == before["job_id"]
    assert each_way.result(before["id"]).get(timeout=5) == after["video"]


def test_what_is_reopened_is_shown_as_running_at_once(each_way: Stack) -> None:
    before = failed(each_way, "AuthenticationFailed", "gateway_401")
    each_way.fake.fault(Fault(delay=0.5), on="query", job=before["job_id"])
    each_way.fake.script("Processing", "Success", job=before["job_id"])

    resume_video(before["id"])
    now = each_way.progress(before["id"])

    assert (now["state"], now["stage"], now["error"]) == ("PROGRESS", "polling", None)
    assert now["deadline"] >= before["deadline"]
    assert each_way.told(before["id"])[0] == "PROGRESS"
    assert each_way.ended(before["id"])["state"] == "SUCCESS"


@pytest.mark.parametrize("name", FINAL)
def test_a_failure_that_is_final_stays_as_it_is(each_way: Stack, name: str) -> None:
    before = failed(each_way, name, FINAL[name])
    polls = each_way.fake.polls_of(before["job_id"])

    assert resume_video(before["id"]) == AS_IT_IS
    assert each_way.progress(before["id"]) == before
    assert each_way.fake.polls_of(before["job_id"]) == polls


def test_a_refused_key_at_submission_is_resumed_by_one_more_post(
    each_way: Stack,
) -> None:
    request = each_way.request("Success")
    refused = Fault(sample="create_rejected_2049")
    each_way.fake.fault(refused, on="create", prompt=request["prompt"])
    id = enqueue_video(request).id
    each_way.ended(id)

    assert resume_video(id) == REOPENED
    assert each_way.ended(id)["state"] == "SUCCESS"
    assert each_way.posts_of(request) == 2


def test_a_job_that_runs_or_is_done_is_left_alone(each_way: Stack) -> None:
    job_id = each_way.fake.add_job(*["Processing"] * 4, "Success")
    id = follow_video(job_id).id

    running = resume_video(id)
    done = each_way.ended(id)

    assert running == resume_video(id) == AS_IT_IS
    assert each_way.progress(id) == done
    assert each_way.fake.polls_of(job_id) == 5 + each_way.watched


@pytest.mark.parametrize("id", ["nobody-knows-this", "", "a\nb", None, 7])
def test_an_id_that_nobody_knows_is_an_error(each_way: Stack, id: Any) -> None:
    with pytest.raises(JobNotFound):
        resume_video(id)


def test_twice_at_once_is_once(each_way: Stack) -> None:
    before = failed(each_way, "AuthenticationFailed", "gateway_401")
    job_id, app = before["job_id"], each_way.app
    asked = each_way.fake.polls_of(job_id)
    each_way.fake.script(*["Processing"] * 4, "Success", job=job_id)
    start = Barrier(8)

    def resume(_: int) -> Any:
        start.wait(10)
        return resume_video(before["id"], app=app)["resumed"]

    with ThreadPoolExecutor(8) as callers:
        told = list(callers.map(resume, range(8)))
    each_way.ended(before["id"])

    assert told.count("reopened") == 1
    assert set(told) == {"reopened", None}
    assert each_way.fake.polls_of(job_id) == asked + 5 + each_way.watched


def test_a_canvas_that_was_told_hears_no_more_and_the_caller_is_told_so(
    each_way: Stack,
) -> None:
    id, label = str(uuid4()), str(uuid4())
    request = each_way.request("Processing", "gateway_401_quota")
    node = submit_video.s(request).set(task_id=id, link=record.si(label=label))
    tail = chain(node, other.s()).apply_async()
    before = each_way.ended(id)
    each_way.fake.script("Success", job=before["job_id"])

    told = resume_video(id)
    each_way.ended(id)

    assert told["canvas_told"] is True
    assert each_way.result(id).get(timeout=5)["job_id"] == before["job_id"]
    assert tail.state == "FAILURE"
    assert each_way.recorded(label) == []


def test_an_overdue_job_is_sent_again(each_way: Stack) -> None:
    request = each_way.request("Success")
    id = enqueue_video(request, countdown=3600).id
    ticket = each_way.ticket(id)
    store_for(each_way.app).touch(id, ticket.version, time.time() - 60)
    with pytest.raises(NotYet):
        each_way.result(id).get(timeout=0.2)

    assert resume_video(id)["resumed"] == "sent_again"
    assert each_way.ended(id)["state"] == "SUCCESS"
    assert each_way.posts_of(request) == 1


def unknown(stack: Stack, *steps: Step, **options: Any) -> tuple[str, str, Any]:
    """Submit without an answer; return the id, the job that there is, the request."""
    request = stack.request(*steps)
    lost = Fault(accepts=True, hang_up="reset")
    stack.fake.fault(lost, on="create", prompt=request["prompt"])
    id = enqueue_video(request, **options).id
    assert stack.ended(id)["error"]["type"] == "SubmissionUnknown"
    [job] = [job for job in stack.fake.jobs if job["request"] == request]
    return id, job["job_id"], request


def test_a_lost_submission_adopts_the_job_that_a_person_found(stack: Stack) -> None:
    id, job_id, request = unknown(stack, "Success")

    alone = resume_video(id)
    told = resume_video(id, job_id=job_id)
    shown = stack.ended(id)

    assert alone == AS_IT_IS
    assert told == {"resumed": "adopted", "canvas_told": True}
    assert (shown["state"], shown["video"]["job_id"]) == ("SUCCESS", job_id)
    assert stack.posts_of(request) == 1


def test_a_job_is_adopted_once(each_way: Stack) -> None:
    label = str(uuid4())
    link = record.si(label=label)
    id, job_id, _ = unknown(each_way, "Processing", "Success", link=link)

    told = [resume_video(id, job_id=int(job_id))["resumed"] for _ in range(3)]
    each_way.ended(id)

    assert told == ["adopted", None, None]
    assert each_way.recorded(label) == []
    with pytest.raises(RequestInvalid):
        resume_video(id, job_id="106916112212032")


@pytest.mark.parametrize("job_id", ["", "../x", "1&file_id=2", "1\n2", "1" * 10_000])
def test_what_can_be_no_job_is_not_adopted(each_way: Stack, job_id: str) -> None:
    id, _, _ = unknown(each_way)

    with pytest.raises(RequestInvalid):
        resume_video(id, job_id=job_id)

    assert each_way.progress(id)["stage"] == "failed"


def test_a_job_that_has_an_answer_adopts_no_other(each_way: Stack) -> None:
    id = follow_video(each_way.fake.add_job("Processing", "Success")).id

    with pytest.raises(RequestInvalid):
        resume_video(id, job_id="106916112212032")
