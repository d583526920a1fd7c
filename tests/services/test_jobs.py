"""The list of jobs, and resuming many of them, over a thousand tickets."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import pytest
from celery import Celery
from django.apps import apps
from sqlalchemy import create_engine, insert

from phanedge_celery import jobs, resume_videos
from phanedge_celery.errors import AuthenticationFailed, ContentRejected, error_fields
from phanedge_celery.tickets import Stage, Ticket, TicketStore, rows
from phanedge_celery.tickets.sql.tables import tickets as table
from tests.commands import call
from tests.services.ticket_addresses import address, store

__all__ = ["address", "store"]

NOW = time.time()
JOBS = 1000
EACH = 50
"""So many are overdue, refused and rejected; all others are on time."""
KEY = error_fields(AuthenticationFailed("The service refused the API key"))
POLICY = error_fields(ContentRejected("refused", 1026))


def message(id: str) -> dict[str, Any]:
    options = {"task_id": id, "queue": "phanedge"}
    task, args = "phanedge.poll_video", ["106916112212032"]
    return {"task": task, "args": args, "kwargs": {}, "options": options}


def ticket(number: int) -> Ticket:
    """Return one of a thousand, the oldest with the number 0."""
    id = f"job-{number:04}"
    known: dict[str, Any] = {"id": id, "since": NOW - 10_000 + number, "job_id": "1069"}
    kinds = (
        Ticket(**known, stage=Stage.POLLING, next_at=NOW + 900, message=message(id)),
        Ticket(**known, stage=Stage.POLLING, next_at=NOW - 900, message=message(id)),
        Ticket(**known, stage=Stage.FAILED, error=KEY, message=message(id)),
        Ticket(**known, stage=Stage.FAILED, error=POLICY),
    )
    return kinds[kind(number)]


def kind(number: int) -> int:
    turn = number % (JOBS // EACH)
    return turn if turn < 4 else 0


ON_TIME, OVERDUE, REFUSED, REJECTED = (
    [f"job-{number:04}" for number in reversed(range(JOBS)) if kind(number) == each]
    for each in range(4)
)


@dataclass
class Site:
    """An app over the store, and what it has put into its queue."""

    app: Celery
    store: TicketStore

    def ids(self, *words: str) -> list[str]:
        return [row["id"] for row in call(self.app, "jobs", "--json", *words).rows]

    def queued(self) -> list[str]:
        """Take all messages from the queue; return the ids of their jobs."""
        found = []
        with self.app.connection_for_read() as connection:
            queue = connection.SimpleQueue("phanedge")
            while len(queue):
                sent = queue.get(block=False)
                sent.ack()
                found.append(sent.headers["id"])
            queue.close()
        return found


@pytest.fixture
def site(address: str, store: TicketStore) -> Iterator[Site]:
    """A thousand tickets in the store at *address*, the newest last."""
    app = Celery("jobs", set_as_current=False)
    app.conf.update(
        broker_url="memory://",
        broker_transport_options={"polling_interval": 0.001},
        result_backend="cache+memory://",
        task_routes={"phanedge.*": {"queue": "phanedge"}},
        phanedge_tickets=address,
        phanedge_api_key="a-key-of-the-tests",
    )
    fill(address, store, [ticket(number) for number in range(JOBS)])
    with app:
        site = Site(app, store)
        site.queued()
        yield site


def fill(address: str, store: TicketStore, tickets: list[Ticket]) -> None:
    """Write *tickets*; a database takes them at once, so that nobody waits for it."""
    store.read("makes-the-tables")
    if address.startswith("db+"):
        engine = create_engine(address.removeprefix("db+"))
        with engine.begin() as connection:
            connection.execute(insert(table), [rows.row(each) for each in tickets])
        engine.dispose()
    elif address.startswith("django"):
        model = apps.get_model("phanedge", "Ticket")
        model.objects.bulk_create(model(**rows.row(each)) for each in tickets)
    else:
        assert all(store.create(each) for each in tickets)


def pauses() -> tuple[list[float], Callable[[float], None]]:
    """Return a list, and a sleep that writes into it instead of sleeping."""
    taken: list[float] = []
    return taken, taken.append


@pytest.mark.parametrize("address", ["redis", "sqlite", "django-sqlite"], indirect=True)
def test_a_thousand_jobs_are_listed_filtered_and_resumed(site: Site) -> None:
    everything = sorted(ON_TIME + OVERDUE + REFUSED + REJECTED, reverse=True)
    assert site.ids() == everything
    assert site.ids("--limit", "7") == everything[:7]
    assert site.ids("--overdue") == OVERDUE
    assert site.ids("--error", "AuthenticationFailed") == REFUSED
    assert site.ids("--stage", "polling") == sorted(ON_TIME + OVERDUE, reverse=True)
    assert site.ids("--stage", "failed", "--error", "ContentRejected") == REJECTED
    assert site.ids("--overdue", "--error", "AuthenticationFailed") == []
    young = datetime.fromtimestamp(NOW - 10_000 + 899.5, timezone.utc).isoformat()
    assert site.ids("--since", young) == everything[:100]
    assert site.ids("--overdue", "--since", young) == OVERDUE[:5]
    assert site.ids("--overdue", "--stage", "failed") == []

    foretold = call(site.app, "resume", "--overdue", "--dry-run", "--json").rows
    assert [row["id"] for row in foretold] == OVERDUE
    assert {row["resumed"] for row in foretold} == {"sent_again"}
    assert site.queued() == []
    assert site.ids("--overdue") == OVERDUE

    taken, sleep = pauses()
    done = list(resume_videos(overdue=True, app=site.app, sleep=sleep))
    assert [each["id"] for each in done] == OVERDUE
    assert site.queued() == OVERDUE
    assert taken == [0.2] * EACH
    assert site.ids("--overdue") == []

    taken, sleep = pauses()
    done = list(resume_videos(error="AuthenticationFailed", app=site.app, sleep=sleep))
    assert {each["resumed"] for each in done} == {"reopened"}
    assert sorted(site.queued()) == sorted(REFUSED)
    assert taken == [0.2] * EACH
    assert site.ids("--error", "AuthenticationFailed") == []
    assert len(site.ids("--stage", "polling")) == JOBS - EACH

    final = list(resume_videos(error="ContentRejected", app=site.app, sleep=sleep))
    assert {each["resumed"] for each in final} == {None}
    assert len(taken) == EACH
    assert site.queued() == []


def small(address: str = "memory://small") -> Celery:
    app = Celery("small", set_as_current=False)
    app.conf.update(
        broker_url="memory://",
        result_backend="cache+memory://",
        phanedge_tickets=address,
        phanedge_api_key="a-key-of-the-tests",
    )
    return app


def test_many_jobs_are_resumed_only_by_name() -> None:
    with pytest.raises(ValueError, match="overdue"):
        list(resume_videos(app=small()))


def test_a_stage_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="nowhere"):
        list(jobs(stage="nowhere", app=small()))
