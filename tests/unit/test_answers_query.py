"""Lines P1 to P12 of the contract: what one answer says of a job."""

from __future__ import annotations

import json
from typing import Any

import pytest

from phanedge_celery.answers import NoReply, Reply, Trouble, read_query
from phanedge_celery.models import JobReport

FAILING = ["Fail", "Failed", "failed", "FAIL ", "error", "Cancelled", "expired"]
SUCCEEDING = ["Success", "success", "SUCCESS", "task_status_succeed"]
RUNNING = ["Preparing", "Queueing", "processing", "Reviewing", "unknown"]


def ask(body: Any, status: int = 200, job_id: str = "1") -> JobReport | Trouble:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_query(Reply(status, {}, raw), job_id)


def trouble(answer: JobReport | Trouble) -> tuple[str, str, int | None]:
    assert isinstance(answer, Trouble)
    return type(answer.error).__name__, answer.kind, answer.limit


def base(code: int, text: str = "hm") -> dict[str, Any]:
    return {"status_code": code, "status_msg": text}


TRANSIENT = ("ServiceUnavailable", "retry", None)
UNREADABLE = ("UnexpectedAnswer", "retry", None)
ROWS = [
    ("P2 HTML", (b"<html>", 200), UNREADABLE),
    ("P2 empty", (b"", 200), UNREADABLE),
    ("P2 an array", (b"[]", 200), UNREADABLE),
    ("P2 a number", (b"5", 200), UNREADABLE),
    ("P2 half", (b'{"status": "Fail", "base_resp": {', 200), UNREADABLE),
    ("P2 too long", (b'{"status": "Fail"}' + b" " * 2**20, 200), UNREADABLE),
    ("P2 too deep", (b'{"a": ' * 100_000, 200), UNREADABLE),
    ("P2 502", (b"<html>", 502), TRANSIENT),
    ("P2 302", (b"", 302), TRANSIENT),
    ("P2 429", (b"", 429), ("RateLimited", "rate_limited", None)),
    ("P2 402", (b"", 402), ("QuotaExhausted", "balance", 2)),
    ("P2 401", (b"<html>", 401), ("AuthenticationFailed", "auth", 2)),
    ("P2 404", (b"<html>", 404), ("JobNotFound", "not_found", 2)),
    ("P2 418", (b"tea", 418), ("JobNotFound", "invalid_request", 0)),
    ("P12 nothing said", ({}, 200), UNREADABLE),
    ("P12 code 0", ({"base_resp": base(0)}, 200), UNREADABLE),
    ("P12 empty status", ({"status": " ", "base_resp": base(0)}, 200), UNREADABLE),
    ("P12 status is a number", ({"status": 3}, 200), UNREADABLE),
    ("P12 an error without a code", ({"error": {"message": "x"}}, 200), UNREADABLE),
    ("P10a code-less JSON", ({"detail": "x"}, 500), TRANSIENT),
    ("P10a though it runs", ({"status": "Processing"}, 503), TRANSIENT),
    ("P10d any body", ({"status": "Processing"}, 404), ("JobNotFound", "not_found", 2)),
]


@pytest.mark.parametrize(
    ("said", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_an_answer_that_tells_nothing_of_the_job_is_put_up_with(
    said: tuple[Any, int], expected: tuple[str, str, int | None]
) -> None:
    assert trouble(ask(*said)) == expected


def test_p1_silence_is_transient_and_keeps_the_id() -> None:
    for sent in (True, False):
        answer = read_query(NoReply(sent, "reset"), "12")

        assert trouble(answer) == TRANSIENT
        assert isinstance(answer, Trouble)
        assert answer.error.job_id == "12"


@pytest.mark.parametrize("word", FAILING)
@pytest.mark.parametrize("code", [0, 1002, 1004, 2013, 9999])
@pytest.mark.parametrize("status", [200, 404, 500])
def test_p3_a_failed_job_has_failed_whatever_else_is_said(
    word: str, code: int, status: int
) -> None:
    answer = ask({"status": word, "base_resp": base(code)}, status)

    assert trouble(answer) == ("JobFailed", "failed", 0)
    assert isinstance(answer, Trouble)
    assert answer.report
    assert answer.report.status.terminal


REASONS = [
    ({"base_resp": base(0)}, "unspecified", None),
    ({"base_resp": base(1013, "out of GPUs")}, "out of GPUs", 1013),
    ({"base_resp": base(1013, "")}, "code 1013", 1013),
    ({"error_message": "no luck", "error_code": "5001"}, "no luck", 5001),
    ({"error": "no luck"}, "no luck", None),
    ({"error": {"message": "no luck", "code": "x"}}, "no luck", None),
    ({"error_code": "E7"}, "E7", "E7"),
]


@pytest.mark.parametrize(("said", "reason", "code"), REASONS)
def test_p3_the_reason_is_the_best_that_was_said(
    said: dict[str, Any], reason: str, code: int | str | None
) -> None:
    answer = ask({"status": "Fail", **said})

    assert isinstance(answer, Trouble)
    assert answer.error.message == f"The job ended as Fail: {reason}"
    assert answer.error.code == code


def test_p3_a_proxys_own_status_word_is_not_the_jobs() -> None:
    assert trouble(ask({"status": "error", "message": "bad gateway"}, 502)) == TRANSIENT
    assert trouble(ask({"status": "fail"}, 401))[1] == "auth"


@pytest.mark.parametrize("code", [1026, 1027])
@pytest.mark.parametrize("word", ["Fail", "Processing", "Success", "", None])
def test_p5_refused_content_ends_the_job_with_any_status_or_none(
    code: int, word: str | None
) -> None:
    answer = ask({"status": word, "base_resp": base(code)})

    assert trouble(answer) == ("ContentRejected", "content_policy", 0)
    assert isinstance(answer, Trouble)
    assert answer.error.code == code


def test_p5_holds_for_envelope_m2_and_for_an_error_code() -> None:
    m2 = {"type": "error", "error": {"message": "sensitive (1027)"}}

    assert trouble(ask(m2, 422))[0] == "ContentRejected"
    assert trouble(ask({"status": "Fail", "error_code": 1026}))[0] == "ContentRejected"


@pytest.mark.parametrize("word", SUCCEEDING)
@pytest.mark.parametrize("code", [0, 1002, 1027])
def test_p4_a_success_with_a_file_is_one_whatever_else_is_said(
    word: str, code: int
) -> None:
    answer = ask({"status": word, "file_id": 22, "base_resp": base(code)})

    assert isinstance(answer, JobReport)
    assert (answer.status.value, answer.file_id) == ("Success", "22")
    assert bool(answer.reason) == bool(code)


@pytest.mark.parametrize("file_id", ["", None, 0, "0", "a/b", ["1"]])
@pytest.mark.parametrize("code", [0, 1002])
def test_p6_a_success_without_a_file_is_asked_again_five_times(
    file_id: object, code: int
) -> None:
    said = {"status": "Success", "file_id": file_id, "base_resp": base(code)}
    answer = ask({**said, "video_url": "http://h.example/v.mp4?s=1"})

    assert trouble(answer) == ("FileUnavailable", "missing_file", 5)
    assert isinstance(answer, Trouble)
    assert answer.report
    assert answer.report.download_url == "https://h.example/v.mp4?s=1"


@pytest.mark.parametrize("word", RUNNING)
@pytest.mark.parametrize("with_base", [True, False])
def test_p11_a_job_that_runs_is_reported_as_running(word: str, with_base: bool) -> None:
    answer = ask({"status": word, **({"base_resp": base(0)} if with_base else {})})

    assert isinstance(answer, JobReport)
    assert not answer.status.terminal


def test_the_report_prefers_the_vendors_own_id() -> None:
    own = ask({"task_id": 99, "status": "Processing"}, job_id="video_1")
    none = ask({"status": "Processing"}, job_id="video_1")

    assert isinstance(own, JobReport)
    assert isinstance(none, JobReport)
    assert (own.job_id, none.job_id) == ("99", "video_1")


def test_a_size_that_is_none_is_unknown() -> None:
    said = {"status": "Success", "file_id": "2", "video_width": 0, "video_height": "x"}
    answer = ask(said)

    assert isinstance(answer, JobReport)
    assert (answer.width, answer.height) == (None, None)


def test_the_last_of_two_equal_keys_counts_and_bad_bytes_do_not_hide_the_rest() -> None:
    answer = ask(b'{"status": "Fail", "status": "Processing", "x": "\xff\xfe"}')

    assert isinstance(answer, JobReport)
    assert answer.status.value == "Processing"


def test_a_byte_order_mark_is_not_in_the_way() -> None:
    assert isinstance(ask(b'\xef\xbb\xbf{"status": "Processing"}'), JobReport)


@pytest.mark.parametrize("number", [b"1" * 5000, b"1e999", b"NaN", b"-Infinity"])
def test_a_number_that_nobody_can_read_hides_nothing_else(number: bytes) -> None:
    answer = ask(b'{"eta": %s, "status": "Processing"}' % number)

    assert isinstance(answer, JobReport)


def test_a_code_that_is_no_number_is_no_code() -> None:
    for code in (b"NaN", b"null", b"[]", b"true", b'""', b"0.0"):
        body = b'{"status": "Processing", "base_resp": {"status_code": %b}}' % code

        assert isinstance(ask(body), JobReport)
