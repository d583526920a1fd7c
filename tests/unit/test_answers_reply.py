"""What every answer has: request ids, a time to wait, and texts fit to be kept."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import pytest

from phanedge_celery.answers import Reply, Trouble, read_query

DATE = "Tue, 24 Nov 2026 10:00:00 GMT"
LATER = "Tue, 24 Nov 2026 10:01:30 GMT"
NOW = datetime(2026, 11, 24, 10, 1, tzinfo=timezone.utc)


def limited(headers: dict[str, str], now: datetime | None = None) -> Trouble:
    trouble = read_query(Reply(429, headers), "1", now=now)
    assert isinstance(trouble, Trouble)
    return trouble


WAITS = [
    ({"Retry-After": "7"}, 7),
    ({"retry-after": " 1.5 "}, 1.5),
    ({"Retry-After": "0"}, 0),
    ({"Retry-After": "999999999999"}, 3600),
    ({"Retry-After": LATER, "Date": DATE}, 90),
    ({"Retry-After": DATE, "Date": LATER}, 0),
    ({"Retry-After": LATER}, 30),
    ({"Retry-After": "Tue, 24 Nov 2099 10:00:00 GMT"}, 3600),
    ({}, None),
    ({"Retry-After": ""}, None),
    ({"Retry-After": "-5"}, None),
    ({"Retry-After": "inf"}, None),
    ({"Retry-After": "soon"}, None),
    ({"Retry-After": "Tue, 99 Nov 2026 99:00:00 GMT"}, None),
    ({"Retry-After": "1" * 5000}, None),
]


@pytest.mark.parametrize(("headers", "wait"), WAITS)
def test_the_service_says_how_long_to_wait(
    headers: dict[str, str], wait: float | None
) -> None:
    assert limited(headers, NOW).retry_after == wait


def test_a_date_without_a_clock_says_nothing() -> None:
    assert limited({"Retry-After": LATER}).retry_after is None


IDS = [
    ({"X-Oneapi-Request-Id": "a1"}, "a1"),
    ({"x-oneapi-request-id": "a1", "TRACE-ID": "t2"}, "a1, t2"),
    ({"X-Oneapi-Request-Id": "a1", "Trace-Id": "a1"}, "a1"),
    ({}, None),
    ({"Trace-Id": "x" * 500}, "x" * 99 + "…"),
]


@pytest.mark.parametrize(("headers", "request_id"), IDS)
def test_both_request_ids_end_up_on_the_error(
    headers: dict[str, str], request_id: str | None
) -> None:
    assert limited(headers).error.request_id == request_id


def said(text: str, status: int = 500) -> str:
    body: dict[str, Any] = {"error": {"message": text}}
    trouble = read_query(Reply(status, {}, json.dumps(body).encode()), "1")
    assert isinstance(trouble, Trouble)
    return trouble.error.message


def test_a_message_shows_neither_a_token_nor_a_signature() -> None:
    text = "sk-abcdef1234567890 may not read https://h.example/v.mp4?sig=abcdef"

    assert said(text).endswith("sk-… may not read https://h.example/v.mp4?…")


def test_a_message_is_one_short_line() -> None:
    message = said("line\n" * 10_000)

    assert len(message) < 300
    assert message.isprintable()


def test_a_page_is_kept_to_200_characters() -> None:
    page = b"<html>\n<body>  Bad   Gateway" + b"x" * 10_000
    trouble = read_query(Reply(502, {}, page), "1")

    assert isinstance(trouble, Trouble)
    assert "<html> <body> Bad Gatewayxxx" in trouble.error.message
    assert len(trouble.error.message) < 260


def test_the_request_id_is_not_said_twice() -> None:
    assert said("no channel (request id: 2025X)").endswith(": no channel")
