"""What may be asked for: the stable rules refuse, the growing table warns."""

from __future__ import annotations

import json
import math
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kombu.utils.json import dumps

from phanedge_celery.errors import RequestInvalid
from phanedge_celery.models import MAX_REQUEST, Subject, VideoRequest, stored_images

CAT = {"model": "MiniMax-Hailuo-2.3", "prompt": "A cat surfs."}
URL = "https://example.com/cat.png"
PNG = "data:image/png;base64,iVBORw0KGgo="
SUBJECT = [{"type": "character", "image": [URL]}]
ITSELF: list[Any] = []
ITSELF.append(ITSELF)

REFUSED: list[tuple[str, Any, str]] = [
    # what, the request, what the sentence says
    ("no dict", None, "must be a dict"),
    ("a list", [CAT], "must be a dict"),
    ("no model", {"prompt": "x"}, "model must be .*it is missing"),
    ("blank model", {**CAT, "model": " "}, "model must be"),
    ("no prompt", {"model": "m"}, "prompt must be .*it is empty"),
    ("empty prompt", {**CAT, "prompt": ""}, "prompt must be .*it is empty"),
    ("blank prompt", {**CAT, "prompt": " \n"}, "prompt must be .*it is empty"),
    ("number prompt", {**CAT, "prompt": 5}, "prompt must be text .*got 5"),
    ("bytes prompt", {**CAT, "prompt": b"x"}, "no JSON: bytes"),
    ("long prompt", {**CAT, "prompt": "x" * 2001}, "prompt must .*2001 characters"),
    ("half a letter", {**CAT, "prompt": "a\ud800"}, "no JSON: half a surrogate"),
    ("text duration", {**CAT, "duration": "6"}, "duration must be a whole number"),
    ("true duration", {**CAT, "duration": True}, "duration must be .*got True"),
    ("part duration", {**CAT, "duration": 6.5}, "duration must be .*got 6.5"),
    ("no duration", {**CAT, "duration": 0}, "duration must be .*got 0"),
    ("number resolution", {**CAT, "resolution": 768}, "resolution must be a text"),
    ("number flag", {**CAT, "prompt_optimizer": 1}, "prompt_optimizer must be true"),
    ("text flag", {**CAT, "aigc_watermark": "no"}, "aigc_watermark must be true"),
    ("bare callback", {**CAT, "callback_url": "x"}, "callback_url must be an http"),
    ("ftp frame", {**CAT, "first_frame_image": "ftp://x"}, "first_frame_image must"),
    ("empty frame", {**CAT, "first_frame_image": ""}, "first_frame_image must"),
    ("a path", {**CAT, "last_frame_image": "/tmp/x.png"}, "last_frame_image must"),
    ("no image data", {**CAT, "last_frame_image": "data:text/plain;base64,aa"}, "last"),
    ("unnamed storage", {**CAT, "last_frame_image": "storage:"}, "last_frame_image"),
    ("no subject", {**CAT, "subject_reference": []}, "subject_reference must"),
    ("bare subject", {**CAT, "subject_reference": SUBJECT[0]}, "subject_reference"),
    ("two subjects", {**CAT, "subject_reference": SUBJECT * 2}, "subject_reference"),
    (
        "two images",
        {**CAT, "subject_reference": [{"type": "character", "image": [URL, URL]}]},
        "subject_reference must be one item of one image",
    ),
    (
        "a thing",
        {**CAT, "subject_reference": [{"type": "thing", "image": [URL]}]},
        "subject_reference",
    ),
    ("s2v unsaid", {"model": "S2V-01", "subject_reference": SUBJECT}, "prompt must"),
    ("nan", {**CAT, "seed": math.nan}, "no JSON: .*not JSON compliant"),
    ("huge number", {**CAT, "seed": 10**5000}, "no JSON: Exceeds the limit"),
    ("a date", {**CAT, "when": date(2026, 1, 1)}, "no JSON: date"),
    ("itself", {**CAT, "x": ITSELF}, "no JSON: Circular"),
    ("mixed keys", dict([*CAT.items(), (1, "x")]), "no JSON"),
]
TAKEN = [
    ("text", CAT, "t2v"),
    ("exactly 2000", {**CAT, "prompt": f" {'é' * 2000} "}, "t2v"),
    ("a frame", {"model": "m", "first_frame_image": URL}, "i2v"),
    ("a frame as data", {"model": "m", "first_frame_image": PNG}, "i2v"),
    (
        "a frame in storage",
        {"model": "m", "first_frame_image": "storage:a b.png"},
        "i2v",
    ),
    (
        "two frames",
        {"model": "m", "first_frame_image": URL, "last_frame_image": URL},
        "fl2v",
    ),
    ("the last frame", {"model": "m", "last_frame_image": URL}, "fl2v"),
    ("a subject", {**CAT, "model": "S2V-01", "subject_reference": SUBJECT}, "s2v"),
    ("an unknown model", {**CAT, "model": "MiniMax-Hailuo-9"}, "t2v"),
    ("unknown keys", {**CAT, "seed": 7, "style": {"a": [1, None]}}, "t2v"),
]


@pytest.mark.parametrize(
    ("request_", "says"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_what_can_never_be_accepted_is_refused_in_a_sentence(
    request_: Any, says: str
) -> None:
    with pytest.raises(RequestInvalid, match=says) as refused:
        VideoRequest.read(request_)

    assert len(refused.value.message) < 250
    assert "pydantic" not in str(refused.value)


@pytest.mark.parametrize(
    ("request_", "mode"), [row[1:] for row in TAKEN], ids=[row[0] for row in TAKEN]
)
def test_what_is_taken_goes_to_the_wire_as_it_is(
    request_: dict[str, Any], mode: str
) -> None:
    request = VideoRequest.read(request_)

    assert request.wire() == request_
    assert request.mode == mode


def test_the_constructor_speaks_as_plainly() -> None:
    with pytest.raises(RequestInvalid, match="prompt must be text"):
        VideoRequest(model="m", prompt=3)  # type: ignore[arg-type]


def test_only_what_the_caller_set_is_sent() -> None:
    request = VideoRequest(model="m", prompt="x", duration=None, callback_url=None)

    assert request.wire() == {"model": "m", "prompt": "x"}
    assert json.loads(dumps({"request": request})) == {"request": request.wire()}


def test_models_and_tuples_may_stand_in_a_request() -> None:
    subject = Subject(type="character", image=[URL])
    request = VideoRequest.read({**CAT, "subject_reference": (subject,)})

    assert request.wire()["subject_reference"] == SUBJECT
    assert VideoRequest.read(request) is request


def test_a_request_is_the_same_whatever_the_order_of_its_keys() -> None:
    one = VideoRequest.read({**CAT, "duration": 6, "resolution": None})
    other = VideoRequest.read({"duration": 6, **dict(reversed(CAT.items()))})

    assert one.sha256 == other.sha256
    assert one.sha256 != VideoRequest.read(CAT).sha256


def test_a_request_too_large_for_a_message_names_the_remedy() -> None:
    frame = PNG + "A" * MAX_REQUEST

    with pytest.raises(RequestInvalid, match=r"1\.0 MiB .*'storage:<name>'"):
        VideoRequest.read({**CAT, "first_frame_image": frame})


def test_the_longest_request_fits() -> None:
    frame = PNG + "A" * (MAX_REQUEST - 200)

    assert VideoRequest.read({**CAT, "first_frame_image": frame}).mode == "i2v"


def test_images_of_the_apps_own_storage_are_named() -> None:
    subject = [{"type": "character", "image": ["storage:me.png"]}]
    request = VideoRequest.read(
        {**CAT, "first_frame_image": "storage:a/b c.png", "subject_reference": subject}
    )

    assert stored_images(request.wire()) == ["a/b c.png", "me.png"]


def test_a_repr_shows_neither_images_nor_signatures() -> None:
    signed = f"{URL}?Signature=abc"
    request = VideoRequest.read(
        {**CAT, "first_frame_image": PNG * 100, "last_frame_image": signed, "x": signed}
    )

    assert "Signature" not in repr(request)
    assert len(repr(request)) < 600


HAILUO = {"model": "MiniMax-Hailuo-2.3", "prompt": "x"}
WARNED = [
    ({**HAILUO, "duration": 10}, None),
    ({**HAILUO, "duration": 10, "resolution": "768P"}, None),
    ({**HAILUO, "duration": 10, "resolution": "1080P"}, "not 1080P of 10 s"),
    ({**HAILUO, "resolution": "512P"}, "not 512P of 6 s"),
    ({**HAILUO, "first_frame_image": URL, "resolution": "512P"}, "not 512P"),
    (
        {"model": "MiniMax-Hailuo-02", "first_frame_image": URL, "resolution": "512P"},
        None,
    ),
    ({**HAILUO, "model": "MiniMax-Hailuo-2.3-Fast"}, "documented for i2v"),
    ({**HAILUO, "last_frame_image": URL, "first_frame_image": URL}, "t2v and i2v"),
    ({**HAILUO, "model": "T2V-01", "duration": 6}, "no resolution and no duration"),
    ({**HAILUO, "model": "T2V-01"}, None),
    ({**HAILUO, "model": "S2V-01", "first_frame_image": URL}, "subject_reference"),
    (
        {"model": "MiniMax-Hailuo-02", "last_frame_image": URL},
        "ignored without first_frame_image",
    ),
    ({**HAILUO, "model": "MiniMax-Hailuo-9", "resolution": "4K"}, None),
]


@pytest.mark.parametrize(("request_", "doubt"), WARNED)
def test_the_table_of_models_warns(request_: dict[str, Any], doubt: str | None) -> None:
    warnings = VideoRequest.read(request_).warnings()

    assert len(warnings) == bool(doubt)
    assert doubt is None or doubt in warnings[0]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=8,
)
FIELDS = st.sampled_from(sorted(VideoRequest.model_fields))


@given(st.dictionaries(FIELDS | st.text(), JSON) | JSON)
def test_whatever_comes_is_refused_clearly_or_is_json(anything: Any) -> None:
    try:
        request = VideoRequest.read(anything)
    except RequestInvalid as refused:
        assert len(refused.message) < 300
        return

    assert json.loads(json.dumps(request.wire())) == request.wire()
    assert len(request.sha256) == 64
    request.warnings()
