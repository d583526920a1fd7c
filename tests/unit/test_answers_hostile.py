"""Whatever the bytes: an answer of ours, and never a verdict that they do not hold."""

from __future__ import annotations

import json
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

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(
        ["0", "1026", "1027", " 1002 ", "12", "video_1", "令牌额度已用尽"]
    )
    | st.sampled_from([0, 1002, 1004, 1026, 1027, 2013, 9999, 10**30, 10**200])
)
words = st.sampled_from(sorted({w for w, _ in WORDS})) | st.sampled_from(
    ["Reviewing", "FAIL ", "Success\n", "", "Fail\x00", "not failed"]
)
texts = st.sampled_from(
    ["x (1026)", "input new_sensitive", "rate limit", "(request id: a)", "\ud800"]
)
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner)
    ),
    max_leaves=5,
)
envelope = st.fixed_dictionaries(
    {},
    optional={
        "task_id": anything,
        "platform_id": anything,
        "file_id": anything,
        "status": words | anything,
        "video_width": anything,
        "video_url": anything | st.just("https://h.example/v.mp4?s=1"),
        "error": texts
        | st.fixed_dictionaries({}, optional={"message": texts})
        | anything,
        "error_message": anything,
        "error_code": anything,
        "code": st.sampled_from(["submit_failed", "task_not_found"]) | anything,
        "message": texts | anything,
        "type": st.just("error") | anything,
        "file": st.fixed_dictionaries(
            {},
            optional={
                "file_id": anything,
                "bytes": anything,
                "created_at": anything,
                "filename": anything,
                "download_url": st.just("http://h.example/v") | anything,
            },
        )
        | anything,
        "base_resp": st.fixed_dictionaries(
            {}, optional={"status_code": scalars, "status_msg": texts | anything}
        )
        | anything,
        "request_id": anything,
    },
)
bodies = (
    envelope.map(lambda body: json.dumps(body).encode())
    | st.binary()
    | (
        st.builds(
            lambda body, end: json.dumps(body).encode()[:end],
            envelope,
            st.integers(0, 200),
        )
    )
)
statuses = st.sampled_from([200, 201, 302, 400, 401, 402, 403, 404, 429, 500, 502, 999])
headers = st.dictionaries(
    st.sampled_from(["Retry-After", "Date", "Trace-Id", "x-oneapi-request-id"]),
    st.text(max_size=40) | st.just("Tue, 24 Nov 2026 10:00:00 GMT"),
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
    if isinstance(answer.error, JobFailed):
        assert word in FAIL
    elif isinstance(answer.error, ContentRejected):
        assert b"102" in reply.body
    else:
        assert answer.limit != 0 or 400 <= reply.status < 500 or "code" in body


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
