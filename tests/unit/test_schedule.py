from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phanedge_celery.schedule import (
    PollSchedule,
    Streak,
    WatchPace,
    countdown,
    expected_at_most,
    expected_seconds,
    first_wait,
    percentile,
)

STEADY = PollSchedule(jitter=0)
ages = st.floats(0, 1e7)
dices = st.floats(0, 1)


@pytest.mark.parametrize(("age", "wait"), [(0, 10), (599, 10), (600, 30), (86_400, 30)])
def test_a_job_is_asked_each_ten_seconds_and_later_each_thirty(
    age: float, wait: float
) -> None:
    assert STEADY.wait(age, 0.5) == wait


@given(ages, dices)
def test_jitter_moves_a_poll_by_a_tenth_at_most(age: float, dice: float) -> None:
    wait = PollSchedule().wait(age, dice)

    steady = STEADY.wait(age, dice)
    assert 0.9 * steady <= wait <= 1.1 * steady


@pytest.mark.parametrize(
    ("failures", "wait"),
    [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (1000, 60)],
)
def test_trouble_is_asked_again_after_twice_as_long_up_to_a_minute(
    failures: int, wait: float
) -> None:
    assert STEADY.back_off(failures, 0.5) == wait


@pytest.mark.parametrize(("failures", "wait"), [(1, 10), (2, 20), (4, 60)])
def test_a_rate_limit_is_given_ten_seconds_at_least(failures: int, wait: float) -> None:
    assert STEADY.back_off(failures, 0.5, limited=True) == wait


@given(st.integers(1, 10_000), dices, st.floats(0, 3600))
def test_retry_after_is_never_cut_short(
    failures: int, dice: float, retry_after: float
) -> None:
    wait = PollSchedule().back_off(failures, dice, retry_after=retry_after)

    assert wait >= retry_after


@given(st.floats(1, 1e6))
def test_one_message_waits_a_whole_number_of_seconds_from_one_to_sixty(
    wait: float,
) -> None:
    carried = countdown(wait)

    assert carried == int(carried)
    assert 1 <= carried <= 60
    assert carried >= min(wait, 60)


@given(st.floats(-1e6, 1, exclude_max=True))
def test_a_wait_that_is_over_is_no_countdown_in_the_past(wait: float) -> None:
    assert 0 <= countdown(wait) < 1


@pytest.mark.parametrize(
    ("count", "limit", "age", "patience", "outlasts"),
    [
        (100, None, 1e6, None, False),
        (1, 0, 0, None, True),
        (5, 5, 1e6, None, False),
        (6, 5, 0, None, True),
        (3, 2, 299, 300, False),
        (3, 2, 300, 300, True),
        (2, 2, 1e6, 300, False),
    ],
)
def test_trouble_ends_a_job_after_too_many_for_long_enough(
    count: int, limit: int | None, age: float, patience: float | None, outlasts: bool
) -> None:
    streak = Streak(count, since=1000)

    assert streak.outlasts(limit, 1000 + age, patience) is outlasts


def test_a_streak_keeps_the_time_of_its_first_trouble() -> None:
    first = Streak.after(None, 10)

    assert first == Streak(1, 10)
    assert Streak.after({"count": 1, "since": 10}, 50) == Streak(2, 10)


def test_the_watch_sends_one_version_again_ever_more_rarely() -> None:
    looks = [WatchPace().next_look(resends) for resends in range(9)]

    assert looks == [30, 60, 120, 240, 480, 960, 1920, 1920, 1920]


@pytest.mark.parametrize(
    ("model", "resolution", "seconds"),
    [
        ("MiniMax-Hailuo-02", "768P", 120),
        ("T2V-01", "720P", 234),
        ("a model of next month", "1080P", 240),
        (None, None, 120),
    ],
)
def test_a_job_is_expected_to_take_what_such_jobs_take(
    model: str | None, resolution: str | None, seconds: float
) -> None:
    assert expected_seconds(model, resolution) == seconds


MOSTLY_120: list[float] = [92.0, *[120.0] * 18, 400.0]


@pytest.mark.parametrize(
    ("took", "wait"),
    [
        ([], 30),
        ([92.0] * 19, 30),
        (MOSTLY_120, 46),  # half of 92: were jobs twice as fast, none would wait
        ([300.0] * 20, 150),
        ([64.0] * 20, 32),
        ([40.0] * 20, 30),
        ([25.0] * 20, 22.5),  # 0.9 of it
        ([5.0] * 20, 10),
    ],
)
def test_the_first_wait_follows_from_how_long_such_jobs_took(
    took: list[float], wait: float
) -> None:
    assert first_wait(PollSchedule(), took) == wait


@pytest.mark.parametrize(
    ("typical", "took", "wait"),
    [
        (240.0, [], 96),  # 0.4 of it
        (60.0, [], 30),
        (240.0, [500.0] * 20, 250),  # one's own say more
        (240.0, [200.0] * 20, 100),
        (240.0, [120.0] * 20, 96),
        (240.0, [60.0] * 20, 54),
    ],
)
def test_before_that_it_follows_from_what_such_jobs_are_said_to_take(
    typical: float, took: list[float], wait: float
) -> None:
    assert first_wait(PollSchedule(), took, typical) == wait


def test_a_first_wait_of_ones_own_is_kept() -> None:
    assert first_wait(PollSchedule(first=5), [300.0] * 20, 240) == 5


@given(
    st.lists(st.floats(0, 7200), min_size=20, max_size=50),
    st.none() | st.floats(1, 7200),
)
def test_no_first_wait_outlasts_what_nearly_all_took_and_the_default(
    took: list[float], typical: float | None
) -> None:
    wait, soon = first_wait(PollSchedule(), took, typical), percentile(took, 0.05)

    assert 10 <= wait <= max(10, 0.9 * soon)
    assert wait <= max(first_wait(PollSchedule(), [], typical), soon / 2)


def test_a_job_is_expected_to_take_what_half_of_the_users_own_took() -> None:
    assert expected_seconds("MiniMax-Hailuo-02", "768P", MOSTLY_120) == 120
    assert expected_seconds("MiniMax-Hailuo-02", "768P", [300.0] * 20) == 300
    assert expected_seconds("MiniMax-Hailuo-02", "768P", [300.0] * 19) == 120


@pytest.mark.parametrize(
    ("took", "most"),
    [
        ([], None),
        ([100.0] * 19, None),
        ([100.0] * 18 + [400.0] * 2, 100),
        ([100.0] * 17 + [300.0, 400.0, 500.0], 300),
    ],
)
def test_nine_of_ten_jobs_are_expected_within_what_nine_of_ten_took(
    took: list[float], most: float | None
) -> None:
    assert expected_at_most(took) == most
