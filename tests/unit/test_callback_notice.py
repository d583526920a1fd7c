"""What a notice of the vendor may cost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phanedge_celery.producer.notice import SPARE, may_hasten
from phanedge_celery.schedule import PollSchedule
from phanedge_celery.tickets import Stage, Ticket

NOW = 1_000_000.0
WAITING = Ticket(
    id="id",
    stage=Stage.POLLING,
    job_id="1",
    since=NOW - 60,
    submitted_at=NOW - 50,
    next_at=NOW + 5,
    polls=3,
)


@pytest.mark.parametrize(
    ("changes", "may"),
    [
        ({}, True),
        ({"polls": 0, "submitted_at": NOW}, True),
        ({"submitted_at": None}, True),
        ({"next_at": NOW - 1}, False),
        ({"next_at": None}, False),
        ({"resends": 1}, False),
        ({"polls": 5 + SPARE}, False),
        ({"polls": 4 + SPARE}, True),
        *[({"stage": stage}, stage is Stage.POLLING) for stage in Stage],
    ],
    ids=str,
)
def test_a_job_is_hastened_that_waits_for_a_poll(
    changes: dict[str, Any], may: bool
) -> None:
    assert may_hasten(replace(WAITING, **changes), PollSchedule(), NOW) is may


@settings(max_examples=50)
@given(
    notices=st.lists(st.floats(0, 60), max_size=300),
    every=st.sampled_from([0, 1, 10, 60]),
)
def test_no_flood_brings_more_than_the_planned_queries_and_a_few(
    notices: list[float], every: float
) -> None:
    """Each notice finds a job that has just been asked, and still runs."""
    schedule = PollSchedule(first=every, every=every)
    ticket = replace(WAITING, submitted_at=NOW, polls=0, next_at=NOW + 1000)

    for seconds in sorted(notices):
        if may_hasten(ticket, schedule, NOW + seconds):
            ticket = replace(ticket, polls=ticket.polls + 1)

    assert ticket.polls <= 60 / max(every, 1) + SPARE
