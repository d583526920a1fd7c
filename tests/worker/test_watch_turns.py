"""When the watch asks on: at once, in a second, or not before it is called again."""

from __future__ import annotations

import time

import pytest
from celery import Celery

from phanedge_celery.tickets import Stage, Ticket
from phanedge_celery.tickets.memory import MemoryTickets
from phanedge_celery.watch.rate import Rate
from phanedge_celery.watch.slices import Slice, Turn


def a_slice(*, due_in: float | None, free_in: float = 0) -> Slice:
    """Return one at whose end a job is due and the rate free in so many seconds."""
    app = Celery("turns", broker="memory://", set_as_current=False)
    app.conf.update(result_backend="cache+memory://", phanedge_poll_rate=10)
    store, now = MemoryTickets(), time.time()
    if due_in is not None:
        due = now + due_in
        store.create(Ticket(id="a", stage=Stage.POLLING, since=now, next_at=due))
    one = Slice(app, store, Turn(owner="w"))
    one.rate = Rate(10, now + free_in)
    return one


@pytest.mark.parametrize(
    ("due_in", "free_in", "after"),
    [(-5, 0, 0), (-5, 0.3, 0), (-5, 60, 1), (30, 0, 1), (30, 0.3, 1)],
)
def test_what_is_due_is_asked_for_as_soon_as_the_rate_allows(
    due_in: float, free_in: float, after: float
) -> None:
    following = a_slice(due_in=due_in, free_in=free_in).following()

    assert following is not None
    assert following.after == after
    assert following.free_at >= time.time() + free_in - 5


def test_nothing_is_asked_on_while_no_job_waits() -> None:
    assert a_slice(due_in=None).following() is None
