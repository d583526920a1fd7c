"""How a wall clock that was set back is noticed."""

from __future__ import annotations

import pytest

from phanedge_celery.watch.clock import WallClock


class Clocks:
    """A wall clock that can be set, beside one that cannot."""

    wall = 1_000_000.0
    steady = 50.0

    def go(self, seconds: float, *, step: float = 0) -> None:
        self.steady += seconds
        self.wall += seconds + step


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def clock(clocks: Clocks) -> WallClock:
    return WallClock(lambda: clocks.wall, lambda: clocks.steady)


def test_a_clock_that_goes_on_was_not_set_back(
    clocks: Clocks, clock: WallClock
) -> None:
    for _ in range(5):
        clocks.go(15)
        clock.read()

        assert clock.set_back == pytest.approx(0)


def test_what_it_was_set_back_by_is_told_once(clocks: Clocks, clock: WallClock) -> None:
    told = []
    for step in (0, -3600, 0, 0):
        clocks.go(15, step=step)
        told.append(round(clock.set_back))
        clock.read()

    assert told == [0, 0, 3600, 0]


def test_it_is_told_again_until_the_next_reading(
    clocks: Clocks, clock: WallClock
) -> None:
    clocks.go(15, step=-3600)
    clock.read()
    clocks.go(15)

    assert [round(clock.set_back) for _ in range(2)] == [3600, 3600]


def test_a_clock_that_was_set_forward_was_not_set_back(
    clocks: Clocks, clock: WallClock
) -> None:
    clocks.go(15, step=3600)
    clock.read()

    assert clock.set_back == pytest.approx(-3600)
