"""Trouble on the way: what passes is waited out, what needs a person stops, resumably.

All jobs are sent together when the first is asked for, so that their waits overlap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
from celery.result import AsyncResult

from phanedge_celery import (
    AuthenticationFailed,
    ContentRejected,
    FileUnavailable,
    JobFailed,
    JobNotFound,
    PhanEdgeError,
    QuotaExhausted,
    RequestInvalid,
    SubmissionUnknown,
    UnexpectedAnswer,
    enqueue_video,
    resume_video,
)
from phanedge_celery.testing import Fault, fail
from phanedge_celery.testing.timelines import Step
from tests.stacks import Stack, Stacks

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

AGAIN: Final[Mapping[str, Fault]] = {
    "rate_limited_1002": Fault(sample="create_rate_limited_1002"),
    "gateway_429": Fault(sample="gateway_429"),
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


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A job on its way, with what was asked for it."""

    stack: Stack
    request: Mapping[str, Any]
    result: AsyncResult[Any] = field(repr=False)

    @property
    def posts(self) -> int:
        return self.stack.posts_of(self.request)

    @property
    def jobs(self) -> int:
        return sum(job["request"] == self.request for job in self.stack.fake.jobs)

    def error(self) -> PhanEdgeError:
        with pytest.raises(PhanEdgeError) as caught:
            self.result.get(timeout=60)
        self.stack.ended(self.result.id)
        return caught.value


def submitted(
    stack: Stack, *steps: Step, create: Fault | None = None, times: int | None = 1
) -> Sent:
    request = stack.request(*steps)
    if create is not None:
        stack.fake.fault(create, on="create", prompt=request["prompt"], times=times)
    result = enqueue_video(request, app=stack.app)
    return Sent(stack=stack, request=request, result=result)


Jobs = dict[tuple[str, str], Sent]


def send_all(stack: Stack) -> Jobs:
    sent: Jobs = {}
    for name, step in PASSING.items():
        trouble = [step] * TWENTY
        sent["passing", name] = submitted(stack, "Processing", *trouble, "Success")
    for name, (steps, _) in ENDING.items():
        sent["ending", name] = submitted(stack, "Processing", *steps)
    for name, fault in AGAIN.items():
        sent["again", name] = submitted(stack, "Success", create=fault, times=3)
    for name, fault in UNKNOWN.items():
        sent["unknown", name] = submitted(stack, "Success", create=fault, times=None)
    for name, (fault, _) in REFUSED.items():
        sent["refused", name] = submitted(stack, "Success", create=fault, times=None)
    return sent


@pytest.fixture(scope="module")
def jobs(stacks: Stacks) -> Iterator[Callable[[str, str], Sent]]:
    sent = send_all(stacks.get("redis-threads"))
    yield lambda kind, name: sent[kind, name]
    sent.clear()


Find = Callable[[str, str], Sent]


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


def test_a_key_refused_for_less_than_patience_fails_no_job(redis_stack: Stack) -> None:
    request = redis_stack.request("Processing", *["gateway_401"] * 5, "Success")

    result = enqueue_video(request)
    trouble = redis_stack.trouble(result.id)

    assert trouble["type"] == "AuthenticationFailed"
    assert result.get(timeout=20)["job_id"]


def test_a_key_refused_for_longer_stops_and_resumes_under_the_same_id(
    redis_stack: Stack,
) -> None:
    request = redis_stack.request("Processing", "gateway_401")
    id = enqueue_video(request, max_wait=100).id
    before = redis_stack.ended(id)
    job_id = before["job_id"]
    redis_stack.fake.script("Processing", "Success", job=job_id)

    told = resume_video(id)
    video = redis_stack.result(id).get(timeout=20)
    after = redis_stack.ended(id)

    assert before["error"]["type"] == "AuthenticationFailed"
    assert told == {"resumed": "reopened", "canvas_told": True}
    assert video["job_id"] == job_id
    assert after["error"] is None
    assert after["deadline"] > before["deadline"]
    assert redis_stack.ticket(id).max_wait == 100
    assert redis_stack.posts_of(request) == 1
