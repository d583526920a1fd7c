"""Whatever the bytes: an answer of ours, and never a verdict that they do not hold."""

from __future__ import annotations

import json
import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from phanedge_celery.answers import (
    Reply,
    Trouble,
    read_create,
    read_download,
    read_file,
    read_query,
)
from phanedge_celery.errors import ContentRejected, JobFailed, PhanEdgeError
from phanedge_celery.models import FileRecord, JobReport, Submission
from tests.unit.test_models_status import ROWS as WORDS

FAIL = {w for w, s in WORDS if s in ("Fail", "Cancelled", "Expired")}
SUCCESS = {w for w, s in WORDS if s == "Success"}

ODD: list[Any] = [None, True, False, 0, 1, -1, 1002, 1004, 1026, 1027, 2013, 9999]
ODD += [1.5, -0.0, 10**18, 10**30, 10**200, -(10**30), math.nan, math.inf, 1e308]
ODD += ["", " ", "0", "1026", "1027", " 1002 ", "-1", "12", "video_1", "../x", "\u0661"]
ODD += ["令牌额度已用尽", "\ud800", "a\x00b", "x" * 5000, "1" * 200]
WORD = [*sorted({w for w, _ in WORDS}), "Reviewing", "FAIL ", "Success\n", "\ud800"]
WORD += ["", "Fail\x00", "not failed"]
TEXT = ["x (1026)", "x (1002)", "input new_sensitive", "rate limit", "\ud800"]
TEXT += ["(request id: a)", "insufficient balance", "x" * 5000]
HTTP_CODES = ["400", "401", "402", "404", "422", "429", "500", "0", "", 429, None]

scalars = st.sampled_from(ODD) | st.integers() | st.floats() | st.text(max_size=20)
words, texts = st.sampled_from(WORD), st.sampled_from(TEXT)
shapes = (
    st.lists(scalars, max_size=2)
    | st.dictionaries(st.text(max_size=3), scalars, max_size=2)
    | st.builds(lambda depth: _nested(depth % 60), st.integers(0, 59))
)
anything = scalars | shapes


def _nested(depth: int) -> Any:
    value: Any = 1026
    for level in range(depth):
        value = {"base_resp": value} if level % 2 else [value]
    return value


def fields(**values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Draw an object that has a few of these, in any order."""
    pairs = (st.tuples(st.just(name), value) for name, value in values.items())
    return st.lists(st.one_of(*pairs), max_size=6).map(dict)


urls = st.sampled_from(["http://h.example/v", "https://h.example/v.mp4?s=1", "//h", ""])
gateways = st.sampled_from(["submit_failed", "task_not_found", "provider_not_found"])
envelope = fields(
    task_id=anything,
    platform_id=anything,
    file_id=anything,
    status=words | anything,
    video_width=anything,
    video_url=urls | anything,
    error=texts
    | fields(
        message=texts | anything, type=anything, http_code=st.sampled_from(HTTP_CODES)
    )
    | anything,
    error_message=texts | anything,
    error_code=anything,
    code=gateways | anything,
    message=texts | anything,
    type=st.just("error") | anything,
    file=fields(
        file_id=anything,
        bytes=anything,
        created_at=anything,
        filename=anything,
        download_url=urls | anything,
    )
    | anything,
    base_resp=fields(status_code=scalars, status_msg=texts | anything) | anything,
    request_id=anything,
)


def encoded(body: Any, *, escaped: bool = True) -> bytes:
    return json.dumps(body, ensure_ascii=escaped).encode("utf-8", "surrogatepass")


deep = st.builds(
    lambda opening, depth, tail: opening * depth + tail,
    st.sampled_from([b"[", b'{"status":', b'{"base_resp":[', b'{"a":{"error":']),
    st.sampled_from([1, 900, 1100, 5_000, 60_000]),
    st.sampled_from([b"", b"1026", b'"Fail"', b"]}" * 50]),
)
digits = st.builds(
    lambda many, key: b'{"status": "Success", "' + key + b'": ' + b"9" * many + b"}",
    st.sampled_from([19, 129, 4_000, 5_000, 100_000]),
    st.sampled_from([b"file_id", b"task_id", b"base_resp", b"bytes"]),
)
whole = st.builds(
    lambda body, plain: encoded(body, escaped=plain), envelope, st.booleans()
)
spoilt = st.builds(
    lambda body, at, junk, drop: (
        body[: at % (len(body) + 1)] + junk + body[at % (len(body) + 1) + drop :]
    ),
    whole,
    st.integers(0, 400),
    st.binary(max_size=4),
    st.integers(0, 400),
)
bodies = st.one_of(whole, whole, whole, spoilt, deep | digits | st.binary())
statuses = st.sampled_from([200, 200, 201, 302, 400, 401, 402, 403, 404, 429])
statuses |= st.sampled_from([500, 502, 503, 999])
headers = st.dictionaries(
    st.sampled_from(["Retry-After", "Date", "Trace-Id", "x-oneapi-request-id"]),
    st.text(max_size=40)
    | st.sampled_from(["Tue, 24 Nov 2026 10:00:00 GMT", "5", "-1", "9" * 13, "1e9"]),
    max_size=2,
)
replies = st.builds(Reply, statuses, headers, bodies)


def parsed(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def check(trouble: Trouble) -> None:
    """Errors are ours, bounded, storable, and made of JSON."""
    assert isinstance(trouble.error, PhanEdgeError)
    text = json.dumps(trouble.error.args, ensure_ascii=False, allow_nan=False)
    assert len(text.encode()) < 4000
    assert trouble.retry_after is None or 0 <= trouble.retry_after <= 3600
    assert type(trouble.error)(*trouble.error.args).args == trouble.error.args


@given(replies)
def test_a_query_ends_a_job_only_for_what_the_answer_says(reply: Reply) -> None:
    answer = read_query(reply, "176843862716480")

    body = parsed(reply.body)
    word = body.get("status")
    word = word.strip().lower() if isinstance(word, str) else None
    if isinstance(answer, JobReport):
        json.dumps(answer.__json__(), ensure_ascii=False).encode()
        assert not answer.status.terminal or (word in SUCCESS and answer.file_id)
        return
    check(answer)
    assert answer.error.job_id
    if isinstance(answer.error, JobFailed):
        assert word in FAIL
    elif isinstance(answer.error, ContentRejected):
        assert b"1026" in reply.body or b"1027" in reply.body
    else:
        assert answer.error.resumable
        assert answer.limit != 0 or 400 <= reply.status < 500 or "code" in str(body)


SAFE_TO_SEND_AGAIN = [b"1002", b"1039", b"1041", b"2045", b"429", b"rate limit"]
SAFE_TO_SEND_AGAIN += [b"provider_not_found", b"user_quota_failed", b"get_origin_task"]


@given(replies)
def test_a_create_is_believed_only_with_an_id_and_without_an_error(
    reply: Reply,
) -> None:
    answer = read_create(reply)

    if isinstance(answer, Submission):
        body = parsed(reply.body)
        assert 200 <= reply.status < 300
        assert answer.job_id in {str(body.get("task_id")), str(body.get("platform_id"))}
        return
    check(answer)
    if answer.limit != 0:
        told = any(word in reply.body.lower() for word in SAFE_TO_SEND_AGAIN)
        assert told or reply.status in (425, 429)


@given(replies)
def test_a_file_is_believed_only_with_a_url(reply: Reply) -> None:
    answer = read_file(reply, "17", "1")

    if isinstance(answer, FileRecord):
        assert answer.download_url
        assert answer.download_url.startswith("https://")
        json.dumps(answer.__json__(), ensure_ascii=False).encode()
        return
    check(answer)


@given(replies, st.booleans())
def test_a_download_begins_only_with_200_or_206(reply: Reply, gateway: bool) -> None:
    answer = read_download(reply, "17", "1", gateway=gateway)

    if answer is None:
        assert reply.status in (200, 206)
    elif isinstance(answer, Trouble):
        check(answer)
