"""Trouble on the way: what passes is waited out, what needs a person stops, resumably.

All jobs are sent together when the first is asked for, so that their waits overlap.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pytest

from phanedge_celery import (
    AuthenticationFailed,
    ContentRejected,
    FileUnavailable,
    JobFailed,
    JobNotFound,
    PhanEdgeError,
    QuotaExhausted,
    UnexpectedAnswer,
)
from phanedge_celery.testing import Fault, fail
from phanedge_celery.testing.timelines import Step
from tests.services.journeys import Find, Jobs, sent_by, submitted
from tests.stacks import Stack

TWENTY: Final = 20
PASSING: Final[Mapping[str, Step]] = {
    "rate_limited_1002": "query_rate_limited",
    "internal_error_1024": "query_internal_error",
    "html_502": "gateway_502",
    "timeout": Fault(delay=0.8),
    "reset": Fault(hang_up="reset"),
    "half_a_json_document": Fault(cut=0.5),
    "gateway_429": "gateway_429",
    "panic_500": "gateway_500_panic",
    "no_status": {"status": None},
    "a_word_nobody_knows": "query_unknown_status",
}
"""Answers to a query that say nothing of the job."""

ENDING: Final[Mapping[str, tuple[tuple[Step, ...], type[PhanEdgeError]]]] = {
    "Fail": (("Fail",), JobFailed),
    "Failed": (("Failed",), JobFailed),
    "failed": (("query_failed_lowercase",), JobFailed),
    "fail_0": ((fail(0, "success", "Failed"),), JobFailed),
    "fail_1026": ((fail(1026, "input new_sensitive"),), ContentRejected),
    "failed_1027": ((fail(1027, "output new_sensitive", "failed"),), ContentRejected),
    "sensitive_without_status": (("query_sensitive_no_status",), ContentRejected),
    "failed_with_a_url": (
        ({"status": "Fail", "video_url": "https://example.com/cover.mp4"},),
        JobFailed,
    ),
    "no_file_id_for_ever": (("query_success_no_file_id",), FileUnavailable),
    "auth_1004_for_ever": (("query_auth_1004",), AuthenticationFailed),
    "gateway_401_for_ever": (("gateway_401",), AuthenticationFailed),
    "quota_401_for_ever": (("gateway_401_quota",), QuotaExhausted),
    "gateway_404_for_ever": (("gateway_404",), JobNotFound),
    "invalid_2013_for_ever": (("query_invalid_2013",), JobNotFound),
    "unknown_code_for_ever": (("query_unknown_code",), UnexpectedAnswer),
}


def send_all(stack: Stack) -> Jobs:
    sent: Jobs = {}
    for name, step in PASSING.items():
        trouble = [step] * TWENTY
        sent["passing", name] = submitted(stack, "Processing", *trouble, "Success")
    for name, (steps, _) in ENDING.items():
        sent["ending", name] = submitted(stack, "Processing", *steps)
    return sent


jobs = sent_by(send_all)


@pytest.mark.parametrize("name", PASSING)
def test_a_status_call_that_fails_twenty_times_never_fails_the_job(
    jobs: Find, name: str
) -> None:
    job = jobs("passing", name)

    video = job.result.get(timeout=60)

    assert video["job_id"]
    assert job.stack.ended(job.result.id)["error"] is None
    assert job.stack.fake.polls_of(video["job_id"]) >= TWENTY + 2
    assert (job.posts, job.jobs) == (1, 1)


@pytest.mark.parametrize("name", ENDING)
def test_a_job_that_cannot_go_on_ends_rightly_named_with_its_id(
    jobs: Find, name: str
) -> None:
    job = jobs("ending", name)

    error = job.error()
    shown = job.stack.progress(job.result.id)

    assert type(error) is ENDING[name][1]
    assert error.job_id == shown["job_id"] is not None
    assert shown["error"]["resumable"] == error.resumable
    assert shown["error"]["message"] == error.message
