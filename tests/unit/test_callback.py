"""The URL that the vendor calls, and what it says there."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phanedge_celery.callback import SALT, Challenge, Hint, id_of, read, signed_url
from phanedge_celery.models import JobStatus
from phanedge_celery.testing import samples

BASE = "https://shop.example/phanedge"
SECRET = "a secret of the tests"
URL_SAFE = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")


def token_of(id: str, secret: str = SECRET) -> str:
    return signed_url(BASE, secret, id).removeprefix(f"{BASE}/")


def sample(name: str) -> bytes:
    return samples()[name].text.encode()


@settings(max_examples=100)
@given(st.text())
def test_each_id_has_a_url_of_its_own_that_names_it_again(id: str) -> None:
    token = token_of(id)

    assert set(token) <= URL_SAFE
    assert id_of(token, SECRET) == id
    assert id_of(token, "another secret") is None


@settings(max_examples=100)
@given(st.text(), st.data())
def test_no_letter_of_a_signature_can_be_changed(id: str, data: st.DataObject) -> None:
    payload, signature = token_of(id).rsplit(".", 1)
    at = data.draw(st.integers(0, len(signature) - 2))
    other = data.draw(st.sampled_from(sorted(URL_SAFE - {signature[at], "."})))

    forged = f"{payload}.{signature[:at]}{other}{signature[at + 1 :]}"

    assert id_of(forged, SECRET) is None


@settings(max_examples=100)
@given(st.text())
def test_no_text_is_a_token_by_chance(text: str) -> None:
    assert id_of(text, SECRET) is None


def test_a_signature_made_for_something_else_is_none() -> None:
    from itsdangerous import URLSafeSerializer

    digest = {"digest_method": hashlib.sha256}
    elsewhere = URLSafeSerializer(SECRET, signer_kwargs=digest).dumps("id")
    no_id = URLSafeSerializer(SECRET, SALT, signer_kwargs=digest).dumps(["id"])

    assert (id_of(str(elsewhere), SECRET), id_of(str(no_id), SECRET)) == (None, None)


def test_the_secret_is_in_no_url() -> None:
    assert SECRET not in signed_url(BASE, SECRET, "id")


def test_without_itsdangerous_one_is_told_what_to_install() -> None:
    asked = (
        "import sys; sys.modules['itsdangerous'] = None;"
        "from phanedge_celery.callback import signed_url\n"
        "try: signed_url('https://x', 's', 'id')\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    root = str(Path(__file__).parents[2])
    ran = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, cwd=root
    )

    assert ran.stdout.startswith("ConfigurationError")
    assert 'pip install "phanedge-celery[callback]"' in ran.stdout


def test_the_challenge_is_read_as_it_is() -> None:
    body = sample("callback_challenge")

    assert read(body) == Challenge(json.loads(body)["challenge"])


@pytest.mark.parametrize(
    ("name", "status", "terminal"),
    [
        ("callback_processing", JobStatus.PROCESSING, False),
        ("callback_success", JobStatus.SUCCESS, True),
        ("callback_success_capital", JobStatus.SUCCESS, True),
        ("callback_failed", JobStatus.FAIL, True),
    ],
)
def test_each_sample_is_a_hint(name: str, status: JobStatus, terminal: bool) -> None:
    hint = read(sample(name))

    assert isinstance(hint, Hint)
    assert (hint.status, hint.terminal) == (status, terminal)
    assert hint.job_id == json.loads(sample(name))["task_id"]


def test_an_id_that_is_a_number_keeps_its_digits() -> None:
    hint = read(b'{"task_id": 115334141465231360, "status": " SUCCESS "}')

    assert hint == Hint("115334141465231360", JobStatus.SUCCESS)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"null",
        b"[]",
        b'"challenge"',
        b"{}",
        b"[" * 60_000,
        b"9" * 5_000,
        b'{"challenge": true}',
        b'{"challenge": {"a": 1}}',
        b'{"challenge": NaN}',
        b'{"task_id": ["1"], "status": {}}',
        b'{"status": "success"}',
        b"task_id=1&status=success",
    ],
    ids=lambda body: repr(body[:24]),
)
def test_what_is_neither_is_none(body: bytes) -> None:
    assert read(body) is None


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=3,
)


@settings(max_examples=100)
@given(
    st.binary()
    | st.builds(
        lambda said: json.dumps(said).encode(),
        st.dictionaries(
            st.sampled_from(["task_id", "status", "challenge", "file_id"]), JSON
        ),
    )
)
def test_any_bytes_at_all_are_read(body: bytes) -> None:
    said = read(body)

    if isinstance(said, Challenge):
        assert json.loads(json.dumps({"challenge": said.value})) == {
            "challenge": json.loads(body)["challenge"]
        }
