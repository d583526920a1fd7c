"""Each answer to files/retrieve that makes a job wait or end (contract, 4.1).

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
    JobNotFound,
    PhanEdgeError,
    UnexpectedAnswer,
)
from phanedge_celery.testing import Fault
from tests.services.journeys import Find, Jobs, coded, followed, page, sent_by
from tests.stacks import Stack

SEVERAL: Final = 2
"""In a row; a third may end the job, when patience is over."""
NO_FILE: Final = Fault(body={"base_resp": {"status_code": 0}})
FILE_WAITED: Final[Mapping[str, tuple[Fault, int]]] = {
    "Q25 no_url_yet": (Fault(sample="retrieve_url_empty"), 5),
    "no_file_yet": (NO_FILE, 5),
    "rate_limited_1039": (Fault(sample="retrieve_error_1039"), 20),
    "gateway_429": (Fault(sample="gateway_429"), 20),
    "gateway_500": (Fault(sample="gateway_500_file"), 20),
    "html_502": (Fault(sample="gateway_502"), 20),
    "timeout": (Fault(delay=0.8), 5),
    "reset": (Fault(hang_up="reset"), 20),
    "half_a_json_document": (Fault(cut=0.5), 20),
    "gateway_404": (Fault(sample="gateway_404_file"), SEVERAL),
    "gateway_401": (Fault(sample="gateway_401"), SEVERAL),
}
"""Answers to files/retrieve, and how often each comes before the file."""

FILE_ENDED: Final[Mapping[str, tuple[Fault, type[PhanEdgeError]]]] = {
    "no_url": (Fault(sample="retrieve_url_empty"), FileUnavailable),
    "no_file": (NO_FILE, FileUnavailable),
    "invalid_2013": (Fault(sample="retrieve_error_2013"), JobNotFound),
    "sensitive_1026": (coded(1026), ContentRejected),
    "auth_1004": (coded(1004), AuthenticationFailed),
    "unknown_9999": (coded(9999), UnexpectedAnswer),
    "gateway_401": (Fault(sample="gateway_401"), AuthenticationFailed),
    "gateway_404": (Fault(sample="gateway_404_file"), JobNotFound),
    "gateway_400": (page(400), JobNotFound),
}


def send_all(stack: Stack) -> Jobs:
    sent: Jobs = {}
    for name, (fault, times) in FILE_WAITED.items():
        sent["file", name] = followed(stack, "Success", retrieve=fault, times=times)
    for name, (fault, _) in FILE_ENDED.items():
        sent["no_file", name] = followed(stack, "Success", retrieve=fault, times=None)
    return sent


jobs = sent_by(send_all)


@pytest.mark.parametrize("name", FILE_WAITED)
def test_a_file_that_is_not_there_yet_is_waited_for(jobs: Find, name: str) -> None:
    video = jobs("file", name).video()

    assert video["download_url"]


@pytest.mark.parametrize("name", FILE_ENDED)
def test_a_file_that_never_comes_ends_the_job_and_keeps_its_ids(
    jobs: Find, name: str
) -> None:
    job = jobs("no_file", name)

    error = job.error()
    ticket = job.stack.ticket(job.result.id)

    assert type(error) is FILE_ENDED[name][1]
    assert error.job_id == ticket.job_id is not None
    assert ticket.file_id is not None
