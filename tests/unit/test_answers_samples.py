"""Every sample reply of the contract, read on every endpoint that sends it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from phanedge_celery.answers import (
    Reply,
    Trouble,
    read_create,
    read_download,
    read_file,
    read_query,
)
from phanedge_celery.models import FileRecord, JobReport, Submission
from phanedge_celery.testing import samples

JOB, FILE = "176843862716480", "176844028768320"
READERS: dict[str, Callable[[Reply], Any]] = {
    "create": read_create,
    "query": partial(read_query, job_id=JOB),
    "retrieve": partial(read_file, file_id=FILE, job_id=JOB),
    "content": partial(read_download, file_id=FILE, job_id=JOB, gateway=True),
}

# Trouble as: class of the error, kind, how many are waited out, patiently or slowly.
GONE = "SubmissionUnknown ambiguous 0"
WAIT = "ServiceUnavailable retry None"
LIMITED = "RateLimited rate_limited None"
REFUSED = "RequestInvalid invalid_request 0"
AUTH = "AuthenticationFailed auth 2 patient"
BALANCE = "QuotaExhausted balance 2 patient"
LOST = "JobNotFound not_found 2 patient"
STRANGE = "JobNotFound invalid_request 0"
NO_URL = "FileUnavailable missing_file 5"

EXPECTED: dict[str, dict[str, str]] = {
    "create_ok": {"create": "Submission"},
    "create_ok_plain": {"create": "Submission"},
    "create_ok_int_id": {"create": "Submission"},
    "create_ok_task_prefix": {"create": "Submission"},
    "create_no_id": {"create": GONE},
    "create_rejected_1026": {"create": "ContentRejected content_policy 0"},
    "create_rejected_1026_with_id": {"create": "ContentRejected content_policy 0"},
    "create_rejected_2013": {"create": REFUSED},
    "create_rejected_callback_2013": {"create": REFUSED},
    "create_rejected_1004": {"create": "AuthenticationFailed auth 0"},
    "create_rejected_1008": {"create": "QuotaExhausted balance 0"},
    "create_rejected_2049": {"create": "AuthenticationFailed auth 0"},
    "create_rejected_2056": {"create": "QuotaExhausted balance 0"},
    "create_rate_limited_1002": {"create": LIMITED},
    "create_timeout_1001": {"create": GONE},
    "create_unknown_1000": {"create": GONE},
    "query_preparing": {"query": "JobReport Preparing"},
    "query_queueing": {"query": "JobReport Queueing"},
    "query_processing": {"query": "JobReport Processing"},
    "query_processing_lowercase": {"query": "JobReport Processing"},
    "query_success": {"query": "JobReport Success"},
    "query_success_lowercase": {"query": "JobReport Success"},
    "query_success_int_ids": {"query": "JobReport Success"},
    "query_success_no_file_id": {"query": NO_URL},
    "query_success_direct_url": {"query": "JobReport Success"},
    "query_fail": {"query": "JobFailed failed 0"},
    "query_fail_1026": {"query": "ContentRejected content_policy 0"},
    "query_fail_1027": {"query": "ContentRejected content_policy 0"},
    "query_failed_phanedge": {"query": "JobFailed failed 0"},
    "query_failed_lowercase": {"query": "JobFailed failed 0"},
    "query_sensitive_no_status": {"query": "ContentRejected content_policy 0"},
    "query_rate_limited": {"query": LIMITED},
    "query_internal_error": {"query": WAIT},
    "query_auth_1004": {"query": AUTH},
    "query_invalid_2013": {"query": "JobNotFound invalid_request 5"},
    "query_unknown_code": {"query": "UnexpectedAnswer unknown 5"},
    "query_unknown_status": {"query": "JobReport Reviewing"},
    "query_no_base_resp": {"query": "JobReport Processing"},
    "retrieve_ok_int_id": {"retrieve": "FileRecord 5896337"},
    "retrieve_str_id": {"retrieve": "FileRecord 5896337"},
    "retrieve_size_unknown": {"retrieve": "FileRecord None"},
    "retrieve_size_missing": {"retrieve": "FileRecord None"},
    "retrieve_backup_url": {"retrieve": "FileRecord None"},
    "retrieve_http_url": {"retrieve": "FileRecord 5896337"},
    "retrieve_no_scheme_url": {"retrieve": "FileRecord 5896337"},
    "retrieve_url_empty": {"retrieve": NO_URL},
    "retrieve_error_1039": {"retrieve": LIMITED},
    "retrieve_error_2013": {"retrieve": STRANGE},
    "content_json_error_1004": {"content": AUTH},
    "content_json_file_object": {"content": "FileRecord 5896337"},
    "gateway_400": {"create": REFUSED},
    "gateway_400_query": {"query": STRANGE},
    "gateway_401": {
        "create": "AuthenticationFailed auth 0",
        "query": AUTH,
        "retrieve": AUTH,
        "content": AUTH,
    },
    "gateway_401_quota": {
        "create": "QuotaExhausted balance 0",
        "query": BALANCE,
        "retrieve": BALANCE,
        "content": BALANCE,
    },
    "gateway_402": {"create": "QuotaExhausted balance 0"},
    "gateway_403": {
        "create": "AuthenticationFailed auth 0",
        "query": AUTH,
        "retrieve": AUTH,
        "content": AUTH,
    },
    "gateway_403_quota": {"create": "QuotaExhausted balance 0"},
    "gateway_404": {"query": LOST},
    "gateway_404_file": {"retrieve": LOST, "content": LOST},
    "gateway_404_no_url": {"content": NO_URL},
    "gateway_429": dict.fromkeys(READERS, LIMITED),
    "gateway_500_submit_failed": {"create": GONE},
    "gateway_500_submit_failed_sensitive": {
        "create": "ContentRejected content_policy 0"
    },
    "gateway_500_quota_lookup": {"create": WAIT},
    "gateway_500_panic": {
        "create": GONE,
        "query": WAIT,
        "retrieve": WAIT,
        "content": WAIT,
    },
    "gateway_500_file": {"retrieve": WAIT, "content": WAIT},
    "gateway_502_download_failed": {"content": WAIT},
    "gateway_502": {
        "create": GONE,
        "query": WAIT,
        "retrieve": WAIT,
        "content": "DownloadFailed retry None",
    },
    "gateway_503": {"create": "ServiceUnavailable provider_not_found 5"},
    "v2_error_401": {
        "create": "AuthenticationFailed auth 0",
        "query": AUTH,
        "retrieve": AUTH,
        "content": AUTH,
    },
    "v2_error_422": dict.fromkeys(READERS, "ContentRejected content_policy 0"),
    "v2_error_429": dict.fromkeys(READERS, LIMITED),
}
SENT = [(name, on) for name, sample in samples().items() for on in sample.on]


def shape(answer: Any) -> str:
    """Say in a few words what an answer was taken for."""
    if isinstance(answer, Trouble):
        how = (" patient" if answer.patient else "") + (" slow" if answer.slow else "")
        return f"{type(answer.error).__name__} {answer.kind} {answer.limit}{how}"
    if isinstance(answer, JobReport):
        return f"JobReport {answer.status}"
    if isinstance(answer, FileRecord):
        return f"FileRecord {answer.bytes}"
    return type(answer).__name__


def read(name: str, on: str) -> Any:
    sample = samples()[name]
    return READERS[on](Reply(sample.status, {}, sample.text.encode()))


@pytest.mark.parametrize(("name", "on"), SENT, ids=[f"{n}-{on}" for n, on in SENT])
def test_every_sample_is_read_as_its_index_says(name: str, on: str) -> None:
    assert shape(read(name, on)) == EXPECTED[name][on]


def test_the_ids_survive_to_the_last_digit() -> None:
    submission = read("create_ok_int_id", "create")

    assert submission == Submission(
        job_id="115334141465231360", platform_id="video_01K9ZB2Q7V4E8M6T3R5W0XYH1C"
    )


def test_a_plain_vendor_gives_no_platform_id() -> None:
    assert read("create_ok_plain", "create") == Submission(job_id="106916112212032")


def test_a_refusal_that_carries_an_id_names_it() -> None:
    error = read("create_rejected_1026_with_id", "create").error

    assert (error.job_id, error.code) == ("video_01K9ZB2Q7V4E8M6T3R5W0XYH1C", 1026)


def test_a_finished_job_tells_its_size_in_pixels_and_its_direct_url() -> None:
    plain, direct = (
        read("query_success", "query"),
        read("query_success_direct_url", "query"),
    )

    assert (plain.file_id, plain.width, plain.height) == ("176844028768320", 1920, 1080)
    assert direct.download_url == "https://files.example.com/direct.mp4?sig=abc"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("query_fail", "unspecified"),
        ("query_failed_lowercase", "generation failed"),
        ("query_fail_1027", "output new_sensitive"),
        ("query_sensitive_no_status", "output new_sensitive"),
    ],
)
def test_a_failed_job_says_why(name: str, reason: str) -> None:
    assert read(name, "query").error.message.endswith(f": {reason}")


def test_the_request_id_is_taken_from_the_message_when_no_header_has_it() -> None:
    assert read("gateway_401", "query").error.request_id == "20251114164647Ab3dE9xK"
    assert read("v2_error_401", "query").error.request_id is not None


def test_a_second_source_is_kept() -> None:
    file = read("retrieve_backup_url", "retrieve")

    assert file.backup_download_url == "https://backup.example.com/output.mp4?sig=abc"


def test_download_urls_become_https() -> None:
    urls = [
        read(name, "retrieve").download_url
        for name in ("retrieve_http_url", "retrieve_no_scheme_url")
    ]

    assert urls[0].startswith("https://files.example.com/output_aigc.mp4?Expires=")
    assert urls[1] == "https://www.downloadurl.com"
