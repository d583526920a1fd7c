"""The same seed makes the same plan, down to the last blow."""

from __future__ import annotations

import pytest

from tests.chaos.deeds import DEEDS
from tests.chaos.faults import FAULTS
from tests.chaos.plan import make_plan, random_faults


def test_a_plan_follows_from_its_seed() -> None:
    asked = {"jobs": 60, "broker": "redis", "faults": ("kill-children",)}

    assert make_plan(seed=1, **asked) == make_plan(seed=1, **asked)  # type: ignore[arg-type]
    assert make_plan(seed=1, **asked) != make_plan(seed=2, **asked)  # type: ignore[arg-type]


@pytest.mark.parametrize("jobs", [1, 2, 60, 301])
def test_a_plan_has_as_many_jobs_as_were_asked_for(jobs: int) -> None:
    assert make_plan(seed=1, jobs=jobs, broker="redis").jobs == jobs


def test_a_fault_changes_no_order() -> None:
    calm = make_plan(seed=1, jobs=60, broker="redis")

    for name in FAULTS:
        hurt = make_plan(seed=1, jobs=60, broker="rabbitmq", faults=(name,))
        assert hurt.orders == calm.orders
        assert hurt.blows
    assert not calm.blows


def test_children_are_killed_every_three_seconds_and_workers_every_thirty() -> None:
    kills = ("kill-children", "kill-workers")

    plan = make_plan(seed=1, jobs=1000, broker="redis", faults=kills, rate=4)
    falls = {
        deed: [blow.at for blow in plan.blows if blow.deed == deed]
        for deed in ("kill_child", "kill_worker")
    }

    assert falls["kill_child"][:3] == [3, 6, 9]
    assert falls["kill_worker"][:3] == [30, 60, 90]
    assert falls["kill_child"][-1] > plan.orders[-1].at


def test_every_blow_is_a_deed_that_can_be_done() -> None:
    plans = [
        make_plan(seed=1, jobs=60, broker="redis", faults=(name,)) for name in FAULTS
    ]

    assert {blow.deed for plan in plans for blow in plan.blows} == set(DEEDS)


def test_combinations_follow_from_the_seed_and_combine_what_can_be() -> None:
    found = random_faults(7, 50)

    assert found == random_faults(7, 50)
    assert all(len(set(names)) == len(names) in (2, 3) for names in found)
    assert not any(FAULTS[name].alone for names in found for name in names)
