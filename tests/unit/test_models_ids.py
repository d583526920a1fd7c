"""The vendor's ids, from a caller and from the wire."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phanedge_celery.errors import RequestInvalid
from phanedge_celery.models import file_id_of, job_id_of
from phanedge_celery.models.ids import wire_id

GOOD = [
    ("106916112212032", "106916112212032"),
    (115334141465231360, "115334141465231360"),
    ("video_01K9ZB2Q7V4E8M6T3R5W0XYH1C", "video_01K9ZB2Q7V4E8M6T3R5W0XYH1C"),
    ("task_01K9ZB2Q7V4E8M6T3R5W0XYH1C", "task_01K9ZB2Q7V4E8M6T3R5W0XYH1C"),
    ("3f2c-a", "3f2c-a"),
    ("x" * 128, "x" * 128),
]
BAD = [
    "",
    "../x",
    "1&file_id=2",
    "1#2",
    "1%2F2",
    "1 2",
    "1\n",
    "1\x00",
    "-1",
    "é",
    "１２",
    "x" * 129,
    "x" * 10_240,
    None,
    True,
    1.5,
    -1,
    10**200,
    b"1",
    ["1"],
]


@pytest.mark.parametrize(("given_id", "text"), GOOD)
def test_an_id_is_text_whatever_it_was(given_id: object, text: str) -> None:
    assert job_id_of(given_id) == file_id_of(given_id) == wire_id(given_id) == text


@pytest.mark.parametrize("value", BAD, ids=lambda value: repr(value)[:20])
def test_what_could_steer_a_url_is_refused_by_name(value: object) -> None:
    with pytest.raises(RequestInvalid, match="job_id must be") as refused:
        job_id_of(value)

    assert len(str(refused.value)) < 200
    assert wire_id(value) is None


def test_the_refusal_shows_what_was_wrong() -> None:
    with pytest.raises(RequestInvalid, match=re.escape(r"got '1\n'")):
        job_id_of("1\n")


@pytest.mark.parametrize("nothing", [0, "0", "", None])
def test_the_wire_has_several_ways_to_send_no_id(nothing: object) -> None:
    assert wire_id(nothing) is None


@given(st.text() | st.integers() | st.none() | st.floats() | st.binary())
def test_no_id_ever_leaves_its_place_in_a_url(value: object) -> None:
    try:
        text = job_id_of(value)
    except RequestInvalid:
        return

    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,127}", text)
