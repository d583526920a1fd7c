"""What the world sees of a ticket, and who may write over whom."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from celery import Celery, states
from celery.backends.base import KeyValueStoreBackend
from celery.exceptions import TaskRevokedError

from phanedge_celery import JobFailed, QuotaExhausted, results
from phanedge_celery.errors import error_fields
from phanedge_celery.tickets import Stage, Ticket, TicketStoreUnavailable, open_store
from phanedge_celery.tickets.memory import MemoryTickets
from tests.apps.plain import make_app

VIDEO = {"file_id": "7", "download_url": None}
NO_CREDIT = error_fields(QuotaExhausted("no credit", 1008, "42"))


class Results(KeyValueStoreBackend):
    """A backend in a dict, with something to happen before the next write."""

    def __init__(self, app: Celery, **options: Any) -> None:
        super().__init__(app, **options)
        self.kept: dict[Any, Any] = {}
        self.before: list[Callable[[], object]] = []

    def get(self, key: Any) -> Any:
        return self.kept.get(key)

    def set(self, key: Any, value: Any) -> None:
        if self.before:
            self.before.pop()()
        self.kept[key] = value


@pytest.fixture
def app() -> Celery:
    backend = f"{__name__}:Results"
    return make_app({"PHANEDGE_TEST_BACKEND": backend})


@pytest.fixture
def store() -> MemoryTickets:
    store = open_store(f"memory://{uuid4()}")
    assert isinstance(store, MemoryTickets)
    return store


def backend_of(app: Celery) -> Results:
    backend = app.backend
    assert isinstance(backend, Results)
    return backend


def state(app: Celery, id: str = "a") -> str:
    return results.stored(app, id)[0]


def advanced(store: MemoryTickets, stage: Stage, **changes: Any) -> Ticket:
    ticket = store.read("a")
    assert ticket is not None
    now = store.advance("a", ticket.version, stage=stage, **changes)
    assert now is not None
    return now


def test_progress_shows_stage_job_and_status(app: Celery, store: MemoryTickets) -> None:
    ticket = Ticket(
        id="a", stage=Stage.POLLING, job_id="42", status="Queueing", since=5
    )
    store.create(ticket)

    results.show(app, store, ticket)

    shown = {"stage": "polling", "job_id": "42", "status": "Queueing", "since": 5}
    assert results.stored(app, "a") == ("PROGRESS", shown)


def test_a_progress_written_too_late_gives_way_to_the_end(
    app: Celery, store: MemoryTickets
) -> None:
    store.create(ticket := Ticket(id="a", stage=Stage.POLLING, since=0))
    before = backend_of(app).before
    before.append(lambda: advanced(store, Stage.FAILED, error=NO_CREDIT))

    results.show(app, store, ticket)

    told, error = results.stored(app, "a")
    assert told == states.FAILURE
    assert type(error) is QuotaExhausted


def test_an_end_written_too_late_gives_way_to_who_reopened_the_job(
    app: Celery, store: MemoryTickets
) -> None:
    store.create(Ticket(id="a", stage=Stage.ENDING, since=0))
    failed = advanced(store, Stage.FAILED, error=NO_CREDIT)
    reopened = advanced(store, Stage.POLLING, error=None)
    results.show(app, store, reopened)

    results.keep(app, store, failed)

    assert state(app) == "PROGRESS"


def test_a_job_reopened_while_its_end_is_written_again_is_shown_as_running(
    app: Celery, store: MemoryTickets
) -> None:
    store.create(Ticket(id="a", stage=Stage.ENDING, since=0))
    failed = advanced(store, Stage.FAILED, error=NO_CREDIT)
    backend_of(app).before.append(lambda: advanced(store, Stage.POLLING, error=None))

    results.keep(app, store, failed)

    assert state(app) == "PROGRESS"


@pytest.mark.parametrize(
    ("ticket", "state", "kind"),
    [
        (Ticket(id="a", since=0, stage=Stage.DONE, video=VIDEO), "SUCCESS", dict),
        (
            Ticket(id="a", since=0, stage=Stage.FAILED, error=NO_CREDIT),
            "FAILURE",
            QuotaExhausted,
        ),
        (
            Ticket(id="a", since=0, stage=Stage.CANCELLED),
            "REVOKED",
            TaskRevokedError,
        ),
        (Ticket(id="a", since=0, stage=Stage.ENDING, video=VIDEO), "PROGRESS", dict),
    ],
    ids=["done", "failed", "cancelled", "ending"],
)
def test_every_stage_has_one_celery_state(
    app: Celery, store: MemoryTickets, ticket: Ticket, state: str, kind: type
) -> None:
    store.create(ticket)

    results.show(app, store, ticket)

    told, result = results.stored(app, "a")
    assert told == state
    assert type(result) is kind


@pytest.mark.parametrize("stage", list(Stage))
def test_progress_is_plain_json_with_the_same_keys_at_every_stage(stage: Stage) -> None:
    ticket = Ticket(id="a", since=10, stage=stage, next_at=20, deadline=2000)

    shown = results.progress(ticket, "PROGRESS", now=15)

    assert json.loads(json.dumps(shown)) == shown
    assert shown.keys() == results.unknown("b", "PENDING", None).keys()
    assert shown["elapsed"] == 5
    assert shown["deadline"] == "1970-01-01T00:33:20+00:00"
    assert (shown["next_poll_at"] is None) == stage.ended


def test_trouble_that_is_waited_out_is_shown_without_what_only_we_need() -> None:
    ticket = Ticket(id="a", since=0, stage=Stage.POLLING, error=NO_CREDIT)

    error = results.progress(ticket, "PROGRESS", now=1)["error"]

    assert error == {
        "type": "QuotaExhausted",
        "message": "no credit",
        "code": 1008,
        "job_id": "42",
        "resumable": True,
    }


def test_a_job_without_a_ticket_is_shown_from_its_result() -> None:
    video = {"job_id": "42", "file_id": "7"}

    done = results.unknown("a", "SUCCESS", video)
    failed = results.unknown("a", "FAILURE", JobFailed("broken", None, "42"))
    foreign = results.unknown("a", "FAILURE", RuntimeError("not ours"))

    assert (done["video"], done["job_id"], done["stage"]) == (video, "42", None)
    assert failed["error"]["type"] == "JobFailed"
    assert foreign["error"] is None


def test_a_result_backend_that_is_away_fails_nobody(
    app: Celery, store: MemoryTickets
) -> None:
    store.create(ticket := Ticket(id="a", since=0))

    def away() -> None:
        raise OSError("away")

    backend_of(app).before.append(away)

    assert results.show(app, store, ticket) is None


def test_a_ticket_store_that_is_away_does_not_undo_what_was_shown(app: Celery) -> None:
    ticket = Ticket(id="a", since=0, stage=Stage.POLLING)

    class Away(MemoryTickets):
        def read(self, id: str) -> Ticket | None:
            raise TicketStoreUnavailable("away")

    assert results.show(app, Away(), ticket) == ticket
    assert state(app) == "PROGRESS"


def test_the_url_of_a_video_comes_from_the_result(
    app: Celery, store: MemoryTickets
) -> None:
    ticket = Ticket(id="a", since=0, stage=Stage.DONE, video=VIDEO)
    seen = {**VIDEO, "download_url": "https://example.com/v.mp4"}

    assert results.progress(ticket, "SUCCESS", 1, seen)["video"] == seen
    assert results.progress(ticket, "SUCCESS", 1)["video"] == VIDEO
    assert (
        results.progress(replace(ticket, stage=Stage.ENDING), "PROGRESS", 1, seen)[
            "video"
        ]
        is None
    )
