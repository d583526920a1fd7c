"""Each answer to a submission: one job, none, or nobody knows (contract, 2.3).

All jobs are sent together when the first is asked for, so that their waits overlap.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pytest

from phanedge_celery import (
    AuthenticationFailed,
    ContentRejected,
    PhanEdgeError,
    QuotaExhausted,
    RequestInvalid,
    ServiceUnavailable,
    SubmissionUnknown,
)
from phanedge_celery.testing import Fault
from tests.services.journeys import Find, Jobs, coded, sent_by, submitted
from tests.stacks import Stack

CREATED: Final = {
    "Q6 plain": "create_ok_plain",
    "Q4 int_id": "create_ok_int_id",
    "C5 task_prefix": "create_ok_task_prefix",
}
"""Samples of an answer that accepts."""

AGAIN: Final[Mapping[str, Fault]] = {
    "rate_limited_1002": Fault(sample="create_rate_limited_1002"),
    "gateway_429": Fault(sample="gateway_429"),
    "tokens_1039": coded(1039),
    "connections_1041": coded(1041),
    "ramp_2045": coded(2045),
    "too_early_425": Fault(status=425),
    "gateway_500_quota_lookup": Fault(sample="gateway_500_quota_lookup"),
    "gateway_503": Fault(sample="gateway_503"),
}
"""Answers to a create after which surely nothing was made."""

UNKNOWN: Final[Mapping[str, Fault]] = {
    "reset_after_sending": Fault(hang_up="reset"),
    "answer_lost": Fault(accepts=True, hang_up="reset"),
    "half_an_answer": Fault(accepts=True, cut=0.5),
    "submit_failed_500": Fault(sample="gateway_500_submit_failed"),
    "html_502": Fault(sample="gateway_502"),
    "timeout_1001": Fault(sample="create_timeout_1001"),
    "no_id": Fault(sample="create_no_id"),
    "unknown_1000": Fault(sample="create_unknown_1000"),
    "internal_1024": coded(1024),
    "panic_500": Fault(sample="gateway_500_panic"),
    "timeout_504": Fault(status=504, body="<html>hm</html>"),
    "redirect_302": Fault(location="https://elsewhere.example/"),
    "no_json": Fault(body="created!"),
}
"""Answers to a create that leave it open what was made."""

REFUSED: Final[Mapping[str, tuple[Fault, type[PhanEdgeError]]]] = {
    "1026": (Fault(sample="create_rejected_1026"), ContentRejected),
    "1026_with_id": (Fault(sample="create_rejected_1026_with_id"), ContentRejected),
    "sensitive_500": (
        Fault(sample="gateway_500_submit_failed_sensitive"),
        ContentRejected,
    ),
    "2013": (Fault(sample="create_rejected_2013"), RequestInvalid),
    "gateway_400": (Fault(sample="gateway_400"), RequestInvalid),
    "1004": (Fault(sample="create_rejected_1004"), AuthenticationFailed),
    "gateway_401": (Fault(sample="gateway_401"), AuthenticationFailed),
    "1008": (Fault(sample="create_rejected_1008"), QuotaExhausted),
    "gateway_402": (Fault(sample="gateway_402"), QuotaExhausted),
}


def send_all(stack: Stack) -> Jobs:
    sent: Jobs = {}
    for name, sample in CREATED.items():
        sent["created", name] = submitted(stack, "Success", create=Fault(sample=sample))
    for name, fault in AGAIN.items():
        sent["again", name] = submitted(stack, "Success", create=fault, times=3)
    for name, fault in UNKNOWN.items():
        sent["unknown", name] = submitted(stack, "Success", create=fault, times=None)
    for name, (fault, _) in REFUSED.items():
        sent["refused", name] = submitted(stack, "Success", create=fault, times=None)
    return sent


jobs = sent_by(send_all)


@pytest.mark.parametrize("name", CREATED)
def test_every_shape_of_an_acceptance_is_one_job(jobs: Find, name: str) -> None:
    job = jobs("created", name)

    assert job.video()["job_id"]
    assert (job.posts, job.jobs) == (1, 1)


@pytest.mark.parametrize("name", AGAIN)
def test_a_create_that_made_nothing_is_sent_again_until_there_is_one_job(
    jobs: Find, name: str
) -> None:
    job = jobs("again", name)

    job.result.get(timeout=60)

    assert (job.posts, job.jobs) == (4, 1)


@pytest.mark.parametrize("name", UNKNOWN)
def test_a_create_that_may_have_made_a_job_is_never_sent_again(
    jobs: Find, name: str
) -> None:
    job = jobs("unknown", name)

    error = job.error()

    assert type(error) is SubmissionUnknown
    assert job.posts == 1
    assert job.stack.progress(job.result.id)["error"]["resumable"] is False


@pytest.mark.parametrize("name", REFUSED)
def test_a_create_that_is_refused_ends_at_once_and_is_never_polled(
    jobs: Find, name: str
) -> None:
    job = jobs("refused", name)

    error = job.error()
    asked = {query.query["task_id"] for query in job.stack.fake.log("query")}

    assert type(error) is REFUSED[name][1]
    assert job.posts == 1
    assert job.stack.progress(job.result.id)["polls"] == 0
    assert error.job_id not in asked
    assert (error.job_id is not None) == (name == "1026_with_id")


def test_a_service_that_refuses_connections_is_asked_again(redis_stack: Stack) -> None:
    fake = redis_stack.fake
    fake.stop()
    try:
        job = submitted(redis_stack, "Success")
        trouble = redis_stack.trouble(job.result.id)
    finally:
        fake.start()

    job.result.get(timeout=30)

    assert trouble["type"] == "ServiceUnavailable"
    assert (job.posts, job.jobs) == (1, 1)


def test_c7_a_gateway_without_a_channel_is_asked_a_few_times(
    redis_stack: Stack,
) -> None:
    job = submitted(redis_stack, create=Fault(sample="gateway_503"), times=None)

    assert type(job.error()) is ServiceUnavailable
    assert (job.posts, job.jobs) == (6, 0)


TOLD: Final = {
    "Q28 callback": ("create_rejected_callback_2013", RequestInvalid, "callback"),
    "Q33 plan_limit": ("create_rejected_2056", QuotaExhausted, "usage limit exceeded"),
    "2049 key": ("create_rejected_2049", AuthenticationFailed, "nothing about your"),
}


@pytest.mark.parametrize("name", TOLD)
def test_a_refusal_is_told_in_the_services_own_words(
    redis_stack: Stack, name: str
) -> None:
    sample, expected, words = TOLD[name]
    job = submitted(redis_stack, create=Fault(sample=sample), times=None)

    error = job.error()

    assert type(error) is expected
    assert words in error.message
    assert job.posts == 1


def test_q31_a_subject_model_without_its_subject_is_refused(redis_stack: Stack) -> None:
    frame = {"model": "S2V-01", "first_frame_image": "https://example.com/a.png"}
    job = submitted(redis_stack, asking=frame)

    error = job.error()

    assert type(error) is RequestInvalid
    assert "subject_reference" in error.message
