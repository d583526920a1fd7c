"""The vendor's word for a job, in all its spellings (contract, table 3.1)."""

from __future__ import annotations

import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phanedge_celery.models import JobStatus

SPELLINGS = {
    "Preparing": "preparing",
    "Queueing": "queueing queued task_status_queued submitted",
    "Processing": "processing running in_progress pending waiting"
    " task_status_processing",
    "Success": "success succeeded completed finish finished done task_status_succeed"
    " succeed",
    "Fail": "fail failed error exception task_status_failed failure",
    "Cancelled": "cancelled canceled",
    "Expired": "expired",
}
ROWS = [(word, status) for status, words in SPELLINGS.items() for word in words.split()]
TERMINAL = {"Success", "Fail", "Cancelled", "Expired"}


@pytest.mark.parametrize(("word", "canonical"), ROWS)
def test_every_spelling_is_read_in_any_case(word: str, canonical: str) -> None:
    read = [JobStatus(w) for w in (word, word.upper(), f" {word.title()}\n")]

    assert [status.value for status in read] == [canonical] * 3
    assert read[0].terminal is (canonical in TERMINAL)
    assert read[0].known


@given(st.text())
def test_a_word_that_nobody_knows_is_never_terminal(word: str) -> None:
    status = JobStatus.read(word)

    known = {spelling for spelling, _ in ROWS}
    assert status is None or status.terminal <= (word.strip().lower() in known)


def test_an_unknown_word_is_kept_as_it_came() -> None:
    status = JobStatus("Reviewing")

    assert (str(status), status.terminal, status.known) == ("Reviewing", False, False)
    assert pickle.loads(pickle.dumps(status)) == status == JobStatus(" Reviewing ")
    assert json.dumps({"status": status}) == '{"status": "Reviewing"}'


def test_an_endless_or_unprintable_word_is_cut_down() -> None:
    status = JobStatus("x\x00\ud800" * 10_000)

    assert len(status) == 64
    assert status.isprintable()


@pytest.mark.parametrize(
    "word", ["", "  ", "\x00", "Fail\x00", "\x7fSuccess", None, 2, ["Fail"], True]
)
def test_what_is_no_word_is_no_status(word: object) -> None:
    assert JobStatus.read(word) is None


def test_a_status_is_shown_and_formatted_as_its_word() -> None:
    assert f"{JobStatus.FAIL} {JobStatus('Odd')}" == "Fail Odd"
