"""A short run of the chaos that `make chaos` makes at length."""

from __future__ import annotations

import pytest

from tests.chaos.audit import UNKNOWN
from tests.chaos.plan import make_plan
from tests.chaos.run import run
from tests.servers import RedisServer


@pytest.mark.timeout(300)
def test_sixty_jobs_whose_workers_lose_their_children_all_end_paid_once(
    redis_server: RedisServer,
) -> None:
    plan = make_plan(
        seed=1,
        jobs=60,
        broker="redis",
        faults=("kill-children",),
        rate=8,
        pace="tenth",
    )

    report = run(plan)

    assert [str(finding) for finding in report.blamed] == []
    assert set(report.ends) <= {"SUCCESS", UNKNOWN}
    assert report.ends.total() == 60
    assert report.hurt["child SIGKILL"] >= 3
