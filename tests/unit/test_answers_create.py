"""Lines C1 to C7 of the contract: was a job made, was none, or who knows."""

from __future__ import annotations

import json
from typing import Any

import pytest

from phanedge_celery.answers import NoReply, Reply, Trouble, read_create
from phanedge_celery.errors import PhanEdgeError, SubmissionUnknown
from phanedge_celery.models import Submission

OK = {"status_code": 0, "status_msg": "success"}
NOT_MADE = [
    ("C1 never connected", NoReply(False, "refused"), "ServiceUnavailable", None),
    ("C3 a code", {"base_resp": {"status_code": 2013}}, "RequestInvalid", 0),
    (
        "C3 a code beside an id",
        {"task_id": "12", "base_resp": {"status_code": 1026}},
        "ContentRejected",
        0,
    ),
    ("C3 unknown code", {"base_resp": {"status_code": 4711}}, "UnexpectedAnswer", 0),
    ("C7 429", (429, b""), "RateLimited", None),
    ("C7 422", (422, b"<html>"), "RequestInvalid", 0),
]
AMBIGUOUS = [
    ("C2 no complete reply", NoReply(True, "reset")),
    ("C3 1001", {"base_resp": {"status_code": 1001, "status_msg": "timeout"}}),
    ("C6 no id", {"base_resp": OK}),
    ("C6 empty ids", {"task_id": "", "platform_id": None, "base_resp": OK}),
    ("C6 zero id", {"task_id": 0, "base_resp": OK}),
    ("C6 strange id", {"task_id": "../x"}),
    ("C6 list id", {"task_id": ["12"]}),
    ("C6 id of a thousand digits", (200, b'{"task_id": %s}' % (b"1" * 1000))),
    ("C6 id of 5000 digits", (200, b'{"task_id": %s}' % (b"1" * 5000))),
    ("C6 HTML", (200, b"<html>")),
    ("C6 an array", (200, b'["task_id"]')),
    ("C6 half", (200, b'{"task_id": "12", "base_re')),
    ("C6 empty", (200, b"")),
    ("C6 an error without a code", {"error": {"message": "hm"}}),
    ("C7 302", (302, b"")),
    ("C7 408", (408, b"")),
    ("C7 502", (502, b"<html>")),
    ("an unheard-of status", (999, b"")),
]
MADE: list[tuple[str, dict[str, Any], Submission]] = [
    ("C5", {"task_id": "12", "base_resp": OK}, Submission(job_id="12")),
    ("C5 no base_resp", {"task_id": "12"}, Submission(job_id="12")),
    ("C5 null base_resp", {"task_id": 12, "base_resp": None}, Submission(job_id="12")),
    (
        "C5 text code",
        {"task_id": "12", "base_resp": {"status_code": "0"}},
        Submission(job_id="12"),
    ),
    (
        "C5 platform id alone",
        {"task_id": "", "platform_id": "video_1"},
        Submission(job_id="video_1", platform_id="video_1"),
    ),
    (
        "C5 a polite code",
        {"task_id": "12", "code": "success", "message": ""},
        Submission(job_id="12"),
    ),
]


def reply(said: Any) -> Reply | NoReply:
    if isinstance(said, NoReply):
        return said
    status, body = said if isinstance(said, tuple) else (200, json.dumps(said).encode())
    return Reply(status, {}, body)


@pytest.mark.parametrize(
    ("said", "error", "limit"), [r[1:] for r in NOT_MADE], ids=[r[0] for r in NOT_MADE]
)
def test_nothing_was_made(said: Any, error: str, limit: int | None) -> None:
    trouble = read_create(reply(said))

    assert isinstance(trouble, Trouble)
    assert (type(trouble.error).__name__, trouble.limit) == (error, limit)


@pytest.mark.parametrize(
    "said", [r[1] for r in AMBIGUOUS], ids=[r[0] for r in AMBIGUOUS]
)
def test_a_job_may_have_been_made(said: Any) -> None:
    trouble = read_create(reply(said))

    assert isinstance(trouble, Trouble)
    assert isinstance(trouble.error, SubmissionUnknown)
    assert trouble.limit == 0


@pytest.mark.parametrize(
    ("said", "submission"), [r[1:] for r in MADE], ids=[r[0] for r in MADE]
)
def test_a_job_was_made(said: Any, submission: Submission) -> None:
    assert read_create(reply(said)) == submission


@pytest.mark.parametrize("code", [1002, 1026, 1001])
def test_an_id_in_a_refusal_stays_on_the_error(code: int) -> None:
    trouble = read_create(reply({"task_id": 12, "base_resp": {"status_code": code}}))

    assert isinstance(trouble, Trouble)
    assert trouble.error.job_id == "12"


def test_a_refused_callback_is_named() -> None:
    text = "invalid params, fail to check callback url"
    said = {"base_resp": {"status_code": 2013, "status_msg": text}}
    trouble = read_create(reply(said))

    assert isinstance(trouble, Trouble)
    assert text in trouble.error.message


def test_an_error_is_made_of_json_scalars() -> None:
    said = {"message": "x", "code": "invalid_request"}
    trouble = read_create(Reply(400, {"Trace-Id": "t1"}, json.dumps(said).encode()))

    assert isinstance(trouble, Trouble)
    error: PhanEdgeError = trouble.error
    assert json.loads(json.dumps(error.args)) == list(error.args)
    assert error.args[1:] == ("invalid_request", None, 400, "t1")
