"""How many queries a rate allows."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phanedge_celery.watch.rate import Rate

NOW = 1000.0
STEP = 0.25


def test_no_rate_allows_any_number() -> None:
    assert Rate(None).used(10**6, NOW).allows(NOW, STEP) == math.inf


@pytest.mark.parametrize(
    ("per_second", "used", "allowed"),
    [
        pytest.param(20, 0, 5, id="a quarter of a second's worth"),
        pytest.param(20, 2, 3, id="less what is used"),
        pytest.param(20, 5, 0, id="no more than that"),
        pytest.param(0.1, 0, 1, id="a slow rate allows one"),
        pytest.param(0.1, 1, 0, id="and then waits"),
    ],
)
def test_a_rate_allows(per_second: float, used: int, allowed: int) -> None:
    rate = Rate(per_second).used(used, NOW) if used else Rate(per_second)

    assert rate.allows(NOW, STEP) == allowed


def test_time_that_nobody_used_is_not_made_up_for() -> None:
    rate = Rate(20).used(5, NOW)

    assert rate.allows(NOW + 3600, STEP) == 5


@given(
    per_second=st.floats(0.1, 1000),
    pauses=st.lists(st.floats(0.001, 2), min_size=1, max_size=50),
)
def test_no_stretch_of_time_has_more_than_its_rate(
    per_second: float, pauses: list[float]
) -> None:
    rate, now, used = Rate(per_second), NOW, 0
    for pause in pauses:
        many = int(rate.allows(now, STEP))
        rate, used = rate.used(many, now) if many else rate, used + many
        now += pause

    assert used <= (now - NOW + STEP) * per_second + 1.001
