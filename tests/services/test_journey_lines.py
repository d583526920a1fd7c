"""Each line of the contract's tables, and each quirk, that makes a job wait or end.

All jobs are sent together when the first is asked for, so that their waits overlap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Final

import pytest

from phanedge_celery import (
    AuthenticationFailed,
    ContentRejected,
    JobFailed,
    JobNotFound,
    JobTimedOut,
    PhanEdgeError,
    QuotaExhausted,
    cancel_video,
)
from phanedge_celery.testing import Fault, fail
from phanedge_celery.testing.timelines import Step
from tests.services.journeys import Find, Jobs, coded, followed, page, sent_by
from tests.stacks import Stack

SEVERAL: Final = 2
"""In a row; a third may end the job, when patience is over."""
WAITED: Final[Mapping[str, Sequence[Step]]] = {
    **{
        f"P2 {name}": [fault] * SEVERAL
        for name, fault in {
            "html_200": page(200),
            "empty_200": page(200, ""),
            "array_200": page(200, "[1]"),
            "redirect_302": Fault(location="https://elsewhere.example/"),
            "html_408": page(408),
            "html_425": page(425),
            "html_503": page(503),
        }.items()
    },
    "P6 Q14 no_file_id_twice": ["query_success_no_file_id"] * 2,
    **{
        f"P7 {code}": [coded(code)] * SEVERAL
        for code in (1000, 1001, 1013, 1033, 1039, 1041, 2045)
    },
    "P8 auth_1004": ["query_auth_1004"] * SEVERAL,
    "P9 invalid_2013_five_times": ["query_invalid_2013"] * 5,
    "P9 unknown_code_five_times": ["query_unknown_code"] * 5,
    "P10b Q16 quota_401": ["gateway_401_quota"] * SEVERAL,
    "P10b gateway_402": [Fault(sample="gateway_402")] * SEVERAL,
    "P10c gateway_403": ["gateway_403"] * SEVERAL,
    "P10d Q15 gateway_404": ["gateway_404"] * SEVERAL,
    "P11 Q19 back_and_forth": ["Processing", "Preparing", "Reviewing", "Queueing"],
    "P12 neither_status_nor_code": [Fault(body={"hello": "world"})] * SEVERAL,
    "Q34 no_base_resp": ["query_no_base_resp"] * 2,
    "M2 rate_limited": ["v2_error_429"] * SEVERAL,
}
"""Answers to a query after which the job goes on, and succeeds."""

SUCCEEDED: Final[Mapping[str, Step]] = {
    "Q2 success": "success",
    "Q2 SUCCESS": "SUCCESS",
    "Q2 task_status_succeed": "task_status_succeed",
    "Q3 Q4 numbers_as_ids": "query_success_int_ids",
    "P4 an_odd_code": {"status": "Success", "base_resp": {"status_code": 1027}},
}
"""Words of success, for a job that the vendor knows under a number."""

CODES: Final = {0: JobFailed, 1026: ContentRejected, 1027: ContentRejected}
ENDED: Final[Mapping[str, tuple[Step, type[PhanEdgeError]]]] = {
    **{
        f"P3 Q1 {word.strip()}_{code}": (fail(code, "x", word), error)
        for word in ("Fail", "Failed", "failed", "FAIL ")
        for code, error in CODES.items()
    },
    **{
        f"P3 {word}": ({"status": word}, JobFailed)
        for word in ("cancelled", "canceled", "expired", "task_status_failed")
    },
    "P3 Q13 error_message": ("query_failed_lowercase", JobFailed),
    "P5 Q12 1026": (coded(1026), ContentRejected),
    "P5 Q12 1027_processing": (coded(1027, status="Processing"), ContentRejected),
    "P5 M2": ("v2_error_422", ContentRejected),
    "P8 balance_1008": (coded(1008), QuotaExhausted),
    "P8 real_name_2038": (coded(2038), AuthenticationFailed),
    "P8 Q11 auth_1004": (coded(1004), AuthenticationFailed),
    "P9 plan_2061": (coded(2061), JobNotFound),
    "P10b gateway_402": (Fault(sample="gateway_402"), QuotaExhausted),
    "P10c gateway_403": ("gateway_403", AuthenticationFailed),
    "P10c M2": ("v2_error_401", AuthenticationFailed),
    "P10e gateway_400": ("gateway_400_query", JobNotFound),
    "P10e page_405": (page(405), JobNotFound),
}
"""What a query tells for ever, and the error that the job then ends with."""


def send_all(stack: Stack) -> Jobs:
    sent: Jobs = {}
    for name, steps in WAITED.items():
        sent["waited", name] = followed(stack, "Processing", *steps, "Success")
    for name, step in SUCCEEDED.items():
        sent["succeeded", name] = followed(stack, "Processing", step)
    for name, (step, _) in ENDED.items():
        sent["ended", name] = followed(stack, "Processing", step)
    return sent


jobs = sent_by(send_all)


@pytest.mark.parametrize("name", WAITED)
def test_an_answer_that_tells_nothing_final_is_waited_out(
    jobs: Find, name: str
) -> None:
    job = jobs("waited", name)

    video = job.video()

    asked = job.stack.fake.polls_of(video["job_id"])
    assert asked == len(WAITED[name]) + 2


@pytest.mark.parametrize("name", SUCCEEDED)
def test_every_word_of_success_is_one(jobs: Find, name: str) -> None:
    job = jobs("succeeded", name)

    video = job.video()

    assert video["file_id"] == job.stack.ticket(job.result.id).file_id
    assert all(isinstance(video[id], str) for id in ("job_id", "file_id"))


@pytest.mark.parametrize("name", ENDED)
def test_an_answer_that_ends_a_job_names_the_reason_and_keeps_the_id(
    jobs: Find, name: str
) -> None:
    job = jobs("ended", name)

    error = job.error()

    assert type(error) is ENDED[name][1]
    assert error.job_id == job.stack.progress(job.result.id)["job_id"] is not None
    ended_at_once = name.startswith(("P3", "P5", "P10e"))
    assert (job.stack.progress(job.result.id)["polls"] == 2) == ended_at_once


def test_q20_p13_a_job_that_never_ends_is_timed_out_and_keeps_its_id(
    redis_stack: Stack,
) -> None:
    job = followed(redis_stack, "Processing", max_wait=0.5)

    error = job.error()

    assert type(error) is JobTimedOut
    assert error.resumable
    assert error.job_id == job.request["prompt"]


def test_p8_a_used_up_window_of_five_hours_is_asked_about_slowly(
    redis_stack: Stack,
) -> None:
    job = followed(redis_stack, coded(2056))

    trouble = redis_stack.trouble(job.result.id)
    shown = redis_stack.progress(job.result.id)
    cancel_video(job.result.id)

    assert trouble["type"] == "QuotaExhausted"
    due = datetime.fromisoformat(shown["next_poll_at"])
    assert due - datetime.now(timezone.utc) > timedelta(seconds=40)


def test_q17_a_retry_after_is_waited_for(redis_stack: Stack) -> None:
    asked = Fault(sample="gateway_429", retry_after=1)
    job = followed(redis_stack, "Processing", asked, "Success")

    job_id = job.video()["job_id"]
    times = [each.at for each in redis_stack.fake.log("query") if each.job_id == job_id]

    assert times[2] - times[1] >= 1
