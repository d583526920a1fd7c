"""How long trouble is put up with, as tables and as laws."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phanedge_celery.answers import Trouble
from phanedge_celery.errors import AuthenticationFailed, RateLimited, ServiceUnavailable
from phanedge_celery.moves import Again, End, followed_from, video_of, wait_out
from phanedge_celery.schedule import MAX_COUNTDOWN, PollSchedule
from phanedge_celery.tickets import Stage, Ticket

NOW = 1000.0
STEADY = PollSchedule(jitter=0)
AWAY = Trouble(error=ServiceUnavailable("away"), kind="retry", limit=None)
AUTH = Trouble(
    error=AuthenticationFailed("bad key"), kind="auth", limit=2, patient=True
)
LIMITED = Trouble(error=RateLimited("slowly"), kind="rate_limited", limit=None)


def ticket(stage: Stage = Stage.POLLING, **fields: object) -> Ticket:
    known: dict[str, object] = {"id": "a", "since": 0.0, "stage": stage, **fields}
    return Ticket(**known)  # type: ignore[arg-type]


def decide(
    trouble: Trouble,
    now: float = NOW,
    *,
    count: int = 0,
    first: float = NOW,
    give_up_at: float | None = None,
    stage: Stage = Stage.POLLING,
) -> Again | End:
    """Decide on *trouble* after *count* of its kind, the first of them at *first*."""
    seen = {trouble.kind: {"count": count, "since": first}} if count else {}
    return wait_out(
        ticket(stage, errors=seen, job_id="42"),
        trouble,
        STEADY,
        now=now,
        dice=0.5,
        give_up_at=give_up_at,
        changes={"polls": 3},
    )


@pytest.mark.parametrize(
    ("count", "seconds", "goes_on"),
    [
        (0, 0, True),
        (1, 299, True),
        (2, 299, True),
        (1, 301, True),
        (2, 301, False),
        (9, 299, True),
        (9, 300, False),
    ],
)
def test_patience_is_three_in_a_row_and_five_minutes(
    count: int, seconds: float, goes_on: bool
) -> None:
    move = decide(AUTH, NOW + seconds, count=count)

    assert isinstance(move, Again) is goes_on


@pytest.mark.parametrize(
    ("count", "after"), [(0, 1), (1, 2), (2, 4), (5, 32), (6, 60), (500, 60)]
)
def test_trouble_is_asked_again_after_twice_as_long(count: int, after: float) -> None:
    move = decide(AWAY, count=count)

    assert isinstance(move, Again)
    assert move.after == after


@pytest.mark.parametrize(("count", "after"), [(0, 10), (1, 20), (3, 60)])
def test_a_rate_limit_waits_longer(count: int, after: float) -> None:
    move = decide(LIMITED, count=count)

    assert isinstance(move, Again)
    assert move.after == after


def test_what_the_service_asks_to_wait_is_waited() -> None:
    asked = Trouble(
        error=RateLimited(), kind="rate_limited", limit=None, retry_after=90
    )
    slow = Trouble(error=RateLimited(), kind="balance", limit=None, slow=True)

    assert decide(asked).after == 90  # type: ignore[union-attr]
    assert decide(slow).after == MAX_COUNTDOWN  # type: ignore[union-attr]


def test_the_last_question_comes_at_the_deadline() -> None:
    sooner = decide(AWAY, count=6, give_up_at=NOW + 7)
    past = decide(AWAY, count=6, give_up_at=NOW)

    assert isinstance(sooner, Again)
    assert sooner.after == 7
    assert isinstance(past, End)
    assert past.error is not None
    assert past.error["type"] == "ServiceUnavailable"


def test_a_submission_that_created_nothing_is_queued_again() -> None:
    move = decide(AWAY, stage=Stage.SUBMITTING)

    assert isinstance(move, Again)
    assert move.stage is Stage.QUEUED


def test_trouble_is_counted_by_kind_and_shown_with_its_job() -> None:
    move = decide(AUTH, NOW + 5, count=1)

    assert isinstance(move, Again)
    assert move.stage is Stage.POLLING
    assert move.changes["polls"] == 3
    assert move.changes["errors"] == {"auth": {"count": 2, "since": NOW}}
    assert move.changes["error"]["job_id"] == "42"
    assert move.changes["error"]["type"] == "AuthenticationFailed"


def test_a_verdict_is_not_waited_out() -> None:
    verdict = Trouble(error=AuthenticationFailed(), kind="auth", limit=0)

    assert isinstance(decide(verdict), End)


@given(
    count=st.integers(0, 10_000),
    seconds=st.floats(0, 10**6),
    left=st.floats(0.001, 10**6),
    retry_after=st.none() | st.floats(0, 10**6),
)
def test_no_wait_is_negative_or_ends_after_the_deadline(
    count: int, seconds: float, left: float, retry_after: float | None
) -> None:
    trouble = Trouble(
        error=ServiceUnavailable(), kind="retry", limit=None, retry_after=retry_after
    )
    now = NOW + seconds

    move = decide(trouble, now, count=count, give_up_at=now + left)

    assert isinstance(move, Again)
    assert 0 <= move.after <= left + 1e-6


@given(
    count=st.integers(0, 10_000),
    seconds=st.floats(0, 10**6),
)
def test_trouble_that_can_pass_never_ends_a_job_by_its_count(
    count: int, seconds: float
) -> None:
    assert isinstance(decide(AWAY, NOW + seconds, count=count), Again)


def test_the_time_to_wait_counts_from_the_job_id() -> None:
    own = followed_from(ticket(max_wait=60.0), NOW, 1800)
    default = followed_from(ticket(), NOW, 1800)

    assert own == {"submitted_at": NOW, "deadline": NOW + 60}
    assert default["deadline"] == NOW + 1800


def test_a_video_keeps_what_was_known_before() -> None:
    seen = {"job_id": "42", "width": 1366, "status": "Success"}

    video = video_of(ticket(video=seen), None, file_id="7", bytes=5)

    assert (video["width"], video["file_id"], video["bytes"]) == (1366, "7", 5)
    assert video["sha256"] is None
