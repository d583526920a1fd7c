"""The vendor's codes and the gateway's, on each endpoint (contract, 5.2 to 5.4)."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from phanedge_celery.answers import Reply, Trouble, read_create, read_file, read_query

# Contract, table 5.2: class, then what to do on create, query, files.
# A ambiguous, R retry, S stop, F the job failed, T<n> tolerate n, P patience, W slow.
VENDOR = [
    ((1000, 1001, 1013, 1024, 1033), "retry", "A R R"),
    ((1002, 1039, 1041, 2045), "rate_limited", "R R R"),
    ((1004, 2038, 2049), "auth", "S P P"),
    ((1008, 1028, 1030), "balance", "S P P"),
    ((2056,), "balance", "S W W"),
    ((1026, 1027), "content_policy", "S S S"),
    ((1042, 1043, 1044, 2037, 2039, 2042, 2048, 20132), "invalid_request", "S T5 S"),
    ((2013, 2061), "invalid_request", "S T5 S"),
    ((9999, -1, 7, 10**30, "odd"), "unknown", "S T5 T5"),
]
ROWS = [
    pytest.param(code, kind, action, on, id=f"{code}-{on}")
    for codes, kind, actions in VENDOR
    for code in codes
    for on, action in zip(("create", "query", "files"), actions.split(), strict=True)
]


READERS: dict[str, Callable[[Reply], Any]] = {
    "create": read_create,
    "query": partial(read_query, job_id="1"),
    "files": partial(read_file, file_id="2", job_id="1"),
}


def read(on: str, body: Any, status: int = 200) -> Any:
    return READERS[on](Reply(status, {}, json.dumps(body).encode()))


def action(trouble: Trouble) -> str:
    if trouble.kind == "ambiguous":
        return "A"
    if trouble.patient:
        return "P" if trouble.limit == 2 else "?"
    if trouble.limit is None:
        return "W" if trouble.slow else "R"
    return f"T{trouble.limit}" if trouble.limit else "S"


@pytest.mark.parametrize(("code", "kind", "do", "on"), ROWS)
@pytest.mark.parametrize("as_text", [False, True], ids=["number", "text"])
def test_a_code_of_the_vendor_is_handled_as_table_5_2_says(
    code: int | str, kind: str, do: str, on: str, as_text: bool
) -> None:
    sent = str(code) if as_text else code
    trouble = read(on, {"base_resp": {"status_code": sent, "status_msg": "hm"}})

    assert (action(trouble), trouble.kind) == (do, "ambiguous" if do == "A" else kind)
    assert "hm" in trouble.error.message


@pytest.mark.parametrize("code", [1002, 1004, 1026])
@pytest.mark.parametrize("status", [200, 400, 401, 404, 500, 503])
@pytest.mark.parametrize("on", ["create", "query", "files"])
def test_the_bodys_code_beats_the_http_status(code: int, status: int, on: str) -> None:
    body = {"base_resp": {"status_code": code, "status_msg": ""}}

    assert read(on, body, status).kind == read(on, body).kind


@pytest.mark.parametrize("code", [1004, 1008, 2049, 2056])
@pytest.mark.parametrize("on", ["create", "query", "files"])
def test_a_code_from_behind_the_gateway_never_blames_the_users_key(
    code: int, on: str
) -> None:
    message = read(on, {"base_resp": {"status_code": code}}).error.message

    assert "nothing about your own" in message


# Contract, table 5.3: HTTP status, code or text, class, on create, query, files.
QUOTA = {"error": {"message": "令牌额度已用尽", "type": "one_hub_error"}}
GATEWAY: list[tuple[int, dict[str, Any], str, str]] = [
    (
        401,
        {"error": {"message": "无效的令牌", "type": "one_hub_error"}},
        "auth",
        "S P P",
    ),
    (401, QUOTA, "balance", "S P P"),
    (403, {"error": {"message": "API requests are not allowed"}}, "auth", "S P P"),
    (429, {"error": {"message": "您的速率达到上限"}}, "rate_limited", "R R R"),
    (500, {"error": {"message": "x", "type": "one_hub_panic"}}, "retry", "A R R"),
    (400, {"code": "invalid_request"}, "invalid_request", "S S S"),
    (400, {"code": "invalid_action"}, "invalid_request", "S S S"),
    (400, {"code": "adaptor_not_found"}, "invalid_request", "S S S"),
    (402, {"code": "insufficient_user_quota"}, "balance", "S P P"),
    (403, {"code": "pre_consume_token_quota_failed"}, "balance", "S P P"),
    (500, {"code": "get_user_quota_failed"}, "retry", "R R R"),
    (500, {"code": "decrease_user_quota_failed"}, "retry", "R R R"),
    (500, {"code": "get_origin_task_failed"}, "retry", "R R R"),
    (500, {"code": "submit_failed"}, "retry", "A R R"),
    (404, {"code": "upstream_not_found_or_no_permission"}, "not_found", "- P P"),
    (404, {"code": "task_not_found"}, "not_found", "- P P"),
    (500, {"code": "file_retrieve_failed"}, "retry", "A R R"),
    (500, {"code": "task_query_failed"}, "retry", "A R R"),
    (503, {"code": "channel_not_found"}, "retry", "A R R"),
    (502, {"code": "download_failed"}, "retry", "A R R"),
]
GATEWAY_ROWS = [
    pytest.param(*row[:3], do, on, id=f"{row[0]}-{next(iter(row[1].values()))}-{on}")
    for row in GATEWAY
    for on, do in zip(("create", "query", "files"), row[3].split(), strict=True)
    if do != "-"
]


@pytest.mark.parametrize(("status", "body", "kind", "do", "on"), GATEWAY_ROWS)
def test_a_reply_of_the_gateway_is_handled_as_table_5_3_says(
    status: int, body: dict[str, Any], kind: str, do: str, on: str
) -> None:
    trouble = read(on, {"message": "why", **body}, status)

    assert (action(trouble), trouble.kind) == (do, "ambiguous" if do == "A" else kind)


@pytest.mark.parametrize("code", ["insufficient_user_quota", "task_query_failed"])
def test_a_gateways_code_counts_under_http_200_too(code: str) -> None:
    trouble = read("query", {"code": code, "message": ""})

    assert trouble.error.code == code


def test_no_channel_for_a_model_stops_after_some_tries() -> None:
    trouble = read("create", {"code": "provider_not_found", "message": "x"}, 503)

    assert (trouble.kind, trouble.limit) == ("provider_not_found", 5)


SUBMIT_FAILED = [
    ("input new_sensitive", "content_policy", "S"),
    ("Rate limit exceeded", "rate_limited", "R"),
    ("login fail (1004)", "auth", "S"),
    ("busy (1002), later", "rate_limited", "R"),
    ("timeout (1001)", "ambiguous", "A"),
    ("invalid params, no model", "invalid_request", "S"),
    ("dial tcp 10.0.0.1:443 (9999)", "ambiguous", "A"),
    ("请求上游地址失败", "ambiguous", "A"),
    ("", "ambiguous", "A"),
]


@pytest.mark.parametrize(("text", "kind", "do"), SUBMIT_FAILED)
def test_submit_failed_is_settled_by_its_text_alone(
    text: str, kind: str, do: str
) -> None:
    trouble = read("create", {"code": "submit_failed", "message": text}, 500)

    assert (trouble.kind, action(trouble)) == (kind, do)


# Contract, 5.4: by HTTP status alone, on create, query, files.
STATUSES = [
    ((400, 405, 413, 415, 422, 418, 499), "invalid_request", "S S S"),
    ((401, 403), "auth", "S P P"),
    ((402,), "balance", "S P P"),
    ((425, 429), "rate_limited", "R R R"),
    ((301, 307, 408, 500, 502, 503, 504, 520, 524, 529, 599), "retry", "A R R"),
]
BODIES = {
    "html": b"<html><h1>hm</h1></html>",
    "empty": b"",
    "array": b"[1]",
    "object": b'{"detail": "hm"}',
    "zero code": b'{"base_resp": {"status_code": 0, "status_msg": "success"}}',
    "half": b'{"base_resp": {"status_',
}
STATUS_ROWS = [
    pytest.param(status, kind, do, on, id=f"{status}-{on}")
    for statuses, kind, actions in STATUSES
    for status in statuses
    for on, do in zip(("create", "query", "files"), actions.split(), strict=True)
]


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize(("status", "kind", "do", "on"), STATUS_ROWS)
def test_any_other_body_is_judged_by_its_http_status(
    status: int, kind: str, do: str, on: str, body: bytes
) -> None:
    reply = Reply(status, {}, body)
    answer = READERS[on](reply)

    assert isinstance(answer, Trouble)
    assert (action(answer), answer.kind) == (do, "ambiguous" if do == "A" else kind)
    assert answer.error.http_status == status


def test_404_on_create_points_at_the_base_url_and_elsewhere_is_not_found() -> None:
    create, query = read("create", {"detail": "x"}, 404), read("query", {}, 404)

    assert (action(create), create.kind) == ("S", "invalid_request")
    assert "phanedge_base_url" in create.error.message
    assert (action(query), query.kind) == ("P", "not_found")


@pytest.mark.parametrize("text", ["额度", "Quota used up", "no BALANCE left"])
@pytest.mark.parametrize("status", [401, 403])
def test_quota_texts_behind_401_and_403_are_about_credit(
    text: str, status: int
) -> None:
    assert read("query", {"error": {"message": text}}, status).kind == "balance"


M2 = [
    (400, {"message": "x (1002)", "http_code": "401"}, "rate_limited"),
    (200, {"message": "x (1026)"}, "content_policy"),
    (400, {"message": "x", "http_code": "402"}, "balance"),
    (401, {"message": "x", "http_code": "bad"}, "auth"),
    (429, {"message": "no code at all"}, "rate_limited"),
]


@pytest.mark.parametrize(("status", "error", "kind"), M2)
def test_envelope_m2_tells_by_text_then_by_its_status_then_by_http(
    status: int, error: dict[str, Any], kind: str
) -> None:
    trouble = read("query", {"type": "error", "error": error}, status)

    assert trouble.kind == kind
