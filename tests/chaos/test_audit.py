"""The auditor names what is wrong, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.chaos.audit import UNKNOWN, Facts, File, Post, Wrong, audit, lines_at_once
from tests.chaos.faults import FAULTS, excused

EVERY = 2.0
LINE = [6 + EVERY * n for n in range(8)]

GOOD = Facts(
    name="s1-o1-j0",
    state="SUCCESS",
    stage="done",
    ends=("SUCCESS",),
    posts=[Post(status=200, job_id="106916112212032")],
    polls=LINE,
    every=EVERY,
    file=File(whole="a" * 64, found="a" * 64),
    heard=1,
    tail="SUCCESS",
    sent=0,
    ended=20,
)
UNPAID = replace(
    GOOD,
    state="FAILURE",
    stage="failed",
    ends=(UNKNOWN,),
    posts=[],
    polls=[],
    file=File(whole=None, found=None),
    heard=None,
    tail="FAILURE",
)


def wrongs(facts: Facts) -> list[Wrong]:
    return [finding.wrong for finding in audit([facts])]


@pytest.mark.parametrize(
    "facts",
    [
        GOOD,
        UNPAID,
        replace(GOOD, file=None, heard=None, tail=None),
        replace(GOOD, posts=[Post(status=429), Post(status=401), *GOOD.posts]),
        replace(GOOD, ends=(UNKNOWN, "SUCCESS")),
        replace(GOOD, state="REVOKED", stage="cancelled", ends=("REVOKED",), heard=0),
        replace(UNPAID, posts=[Post(status=None)]),
        replace(GOOD, polls=[]),
    ],
    ids=[
        "a job as it should be",
        "a submission without an answer",
        "a job of which nothing else was asked",
        "refused before it was taken",
        "adopted after all",
        "cancelled",
        "an answer that was lost",
        "never polled",
    ],
)
def test_nothing_is_wrong_with(facts: Facts) -> None:
    assert audit([facts]) == []


@pytest.mark.parametrize(
    ("facts", "wrong"),
    [
        (replace(GOOD, state="PROGRESS", stage="polling", ends=()), Wrong.LOST),
        (replace(GOOD, state="PENDING", stage=None, ends=()), Wrong.LOST),
        (
            replace(UNPAID, state="PENDING", stage=None, ends=(), tail=None),
            Wrong.NEVER_BEGAN,
        ),
        (replace(GOOD, stage="polling"), Wrong.TORN),
        (replace(GOOD, stage=None), Wrong.TORN),
        (replace(UNPAID, stage="done"), Wrong.TORN),
        (replace(GOOD, ends=("SUCCESS", "REVOKED")), Wrong.CHANGED),
        (replace(GOOD, ends=("ServiceUnavailable", "SUCCESS")), Wrong.FAILED),
        (replace(UNPAID, ends=("JobTimedOut",)), Wrong.FAILED),
        (
            replace(GOOD, posts=[Post(status=200), Post(status=200, job_id="1")]),
            Wrong.POSTED_TWICE,
        ),
        (
            replace(GOOD, posts=[Post(status=None), *GOOD.posts]),
            Wrong.POSTED_TWICE,
        ),
        (
            replace(GOOD, polls=sorted([*LINE, *(t + 0.9 for t in LINE)])),
            Wrong.TWO_LINES,
        ),
        (replace(GOOD, file=File(whole="a" * 64, found="b" * 64)), Wrong.HALF_A_FILE),
        (replace(GOOD, file=File(whole="a" * 64, found=None)), Wrong.HALF_A_FILE),
        (
            replace(UNPAID, file=File(whole=None, found="b" * 64)),
            Wrong.HALF_A_FILE,
        ),
        (replace(GOOD, heard=0), Wrong.UNHEARD),
        (replace(GOOD, heard=2), Wrong.HEARD_AGAIN),
        (replace(GOOD, tail="PENDING"), Wrong.HUNG),
    ],
    ids=lambda given: given.name if isinstance(given, Wrong) else "",
)
def test_what_is_wrong_is_named(facts: Facts, wrong: Wrong) -> None:
    assert wrongs(facts) == [wrong]


def test_a_job_that_was_made_twice_was_paid_twice() -> None:
    again = replace(GOOD, posts=[*GOOD.posts, Post(status=200, job_id="2")])

    assert wrongs(again) == [Wrong.POSTED_TWICE, Wrong.PAID_TWICE]


def test_each_finding_tells_of_which_job_it_is() -> None:
    bad = replace(GOOD, name="s1-o7-j0", heard=0)

    [finding] = audit([GOOD, bad])

    assert str(finding).startswith("s1-o7-j0: a callback was not called")


@pytest.mark.parametrize(
    "polls",
    [
        [],
        [6.0],
        LINE,
        sorted([*LINE, LINE[3] + 0.9]),
        sorted([*LINE, LINE[3] + 0.001]),
        [*LINE[:4], *(t + 1 for t in LINE[3:])],
    ],
    ids=["none", "one", "a line", "a copy", "a copy at once", "a line put back"],
)
def test_a_single_copy_is_no_second_line(polls: Sequence[float]) -> None:
    assert Wrong.TWO_LINES not in wrongs(replace(GOOD, polls=polls))


@given(
    every=st.floats(1, 60),
    apart=st.floats(0, 1, exclude_max=True),
    waits=st.integers(4, 30),
)
def test_two_lines_are_seen_however_they_lie(
    every: float, apart: float, waits: int
) -> None:
    one = [every * n for n in range(waits)]
    other = [at + apart * every for at in one]

    assert lines_at_once(sorted([*one, *other]), every) > 3


@given(every=st.floats(1, 60), off=st.lists(st.floats(0.9, 1.3), max_size=40))
def test_one_line_is_never_taken_for_two(every: float, off: list[float]) -> None:
    polls, now = [], 0.0
    for share in off:
        now += share * every
        polls.append(now)

    assert lines_at_once(polls, every) == 0


def test_no_fault_excuses_a_job_that_is_lost_or_paid_twice() -> None:
    never = {
        Wrong.LOST,
        Wrong.TORN,
        Wrong.CHANGED,
        Wrong.POSTED_TWICE,
        Wrong.PAID_TWICE,
        Wrong.TWO_LINES,
        Wrong.HALF_A_FILE,
    }

    assert not excused(tuple(FAULTS), "redis") & never
