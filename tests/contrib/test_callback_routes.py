"""Where the vendor calls back, in Django and in Flask alike."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery import Celery
from django.test import Client, override_settings
from flask import Flask

from phanedge_celery import ConfigurationError, cancel_video, enqueue_video
from phanedge_celery.callback import MOST, signed_url
from phanedge_celery.contrib.flask import callback_routes
from phanedge_celery.testing import FakePhanEdge, samples
from phanedge_celery.tickets import Stage, Ticket, close_stores, store_for
from tests.contrib.conftest import REQUEST, celery_app, sent

SECRET = "a secret of the tests"
ACK = {"status": "success"}
JOB = "115334141465231360"
SUCCESS = json.loads(samples()["callback_success"].text)
PROCESSING = json.loads(samples()["callback_processing"].text)

Answer = tuple[int, Any]
Post = Callable[[str, bytes], Answer]


@pytest.fixture
def app(fake: FakePhanEdge) -> Iterator[Celery]:
    with celery_app(
        fake,
        phanedge_tickets="memory://called",
        phanedge_callback_secret=SECRET,
        phanedge_callback_url="https://shop.example/hook",
    ) as made:
        yield made
    close_stores()


def by_django(_: Celery) -> Iterator[tuple[Any, Post]]:
    client = Client(enforce_csrf_checks=True)

    def post(path: str, body: bytes) -> Answer:
        answer = client.post(path, body, content_type="application/json")
        return answer.status_code, answer.json()

    with override_settings(ROOT_URLCONF="tests.contrib.callback_urls"):
        yield client, post


def by_flask(app: Celery) -> Iterator[tuple[Any, Post]]:
    site = Flask("called")
    site.extensions["celery"] = app
    site.register_blueprint(callback_routes(), url_prefix="/hook")
    client = site.test_client()

    def post(path: str, body: bytes) -> Answer:
        answer = client.post(path, data=body)
        return answer.status_code, answer.json

    yield client, post


@pytest.fixture(params=[by_django, by_flask])
def site(request: pytest.FixtureRequest, app: Celery) -> Iterator[tuple[Any, Post]]:
    yield from request.param(app)


@pytest.fixture
def call(site: tuple[Any, Post]) -> Callable[..., Answer]:
    """POST a body about an id, under the URL that the vendor was given."""

    def call(id: str, said: Any, secret: str = SECRET) -> Answer:
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        return site[1](signed_url("/hook", secret, id), body)

    return call


def waiting(app: Celery, **changes: Any) -> Ticket:
    """Return the ticket of a job of which nothing is heard for a while."""
    id = enqueue_video(REQUEST).id
    sent(app)
    now = time.time()
    known = {"job_id": JOB, "submitted_at": now, "next_at": now + 100}
    ticket = store_for(app).advance(
        id, 1, **{"stage": Stage.POLLING, **known, **changes}
    )
    assert ticket is not None
    return ticket


def read(app: Celery, id: str) -> Ticket:
    ticket = store_for(app).read(id)
    assert ticket is not None
    return ticket


def test_the_challenge_is_sent_back_with_broker_and_store_away(
    app: Celery, call: Callable[..., Answer]
) -> None:
    app.conf.update(broker_url="redis://127.0.0.1:9", phanedge_tickets="redis://x:9")

    challenge = json.loads(samples()["callback_challenge"].text)
    answer = call("id", challenge)

    assert answer == (200, challenge)


def test_a_wrong_signature_is_not_found_whatever_it_says(
    app: Celery, call: Callable[..., Answer]
) -> None:
    ticket = waiting(app)

    answers = [call(ticket.id, said, "else") for said in (SUCCESS, {"challenge": "1"})]

    assert answers == [(404, {"error": "not found"})] * 2
    assert (sent(app), read(app, ticket.id)) == (0, ticket)


def test_without_a_secret_no_signature_is_right(
    app: Celery, call: Callable[..., Answer]
) -> None:
    app.conf.update(phanedge_callback_secret=None, phanedge_callback_url=None)

    assert call("id", {"challenge": "1"}) == (404, {"error": "not found"})


@pytest.mark.parametrize(
    "said",
    [b"", b"\xff", b"[]", b"{}", {"task_id": JOB}, {"status": "success"}],
    ids=str,
)
def test_what_is_no_notice_about_this_job_is_thanked_for(
    app: Celery, call: Callable[..., Answer], said: Any
) -> None:
    ticket = waiting(app)

    assert call(ticket.id, said) == (200, ACK)
    assert (sent(app), read(app, ticket.id)) == (0, ticket)


def test_a_notice_short_of_an_end_leaves_a_poll_a_minute(
    app: Celery, call: Callable[..., Answer]
) -> None:
    soon = time.time() + 10
    ticket = waiting(app, next_at=soon)

    assert [call(ticket.id, PROCESSING) for _ in range(2)] == [(200, ACK)] * 2
    later = read(app, ticket.id)

    assert (sent(app), later.version) == (1, ticket.version + 1)
    assert later.next_at is not None
    assert later.next_at > soon


def test_too_much_is_refused(call: Callable[..., Answer]) -> None:
    most = json.dumps(SUCCESS).encode().ljust(MOST)

    assert call("id", most) == (200, ACK)
    assert call("id", most + b" ") == (413, {"error": "too large"})


def test_only_a_post_is_taken(site: tuple[Any, Post]) -> None:
    url = signed_url("/hook", SECRET, "id")

    assert [site[0].get(url).status_code, site[0].put(url).status_code] == [405] * 2


def test_an_end_makes_the_job_due_now_and_copies_do_nothing(
    app: Celery, call: Callable[..., Answer]
) -> None:
    ticket = waiting(app)

    answers = [call(ticket.id, SUCCESS) for _ in range(20)]

    assert answers == [(200, ACK)] * 20
    assert sent(app) == 1
    now = read(app, ticket.id)
    assert (now.version, now.stage) == (ticket.version, Stage.POLLING)
    assert now.next_at == pytest.approx(time.time(), abs=10)


@pytest.mark.parametrize("word", ["failed", "Success", "CANCELLED"])
@pytest.mark.parametrize("job_id", [JOB, int(JOB)], ids=["text", "number"])
def test_all_words_for_an_end_are_known(
    app: Celery, call: Callable[..., Answer], word: str, job_id: Any
) -> None:
    call(waiting(app).id, {"task_id": job_id, "status": word})

    assert sent(app) == 1


@pytest.mark.parametrize(
    ("job_id", "hastened"), [(JOB, 1), ("2", 0), (None, 0)], ids=str
)
def test_a_notice_about_another_job_is_ignored(
    app: Celery, call: Callable[..., Answer], job_id: str | None, hastened: int
) -> None:
    call(waiting(app).id, {**SUCCESS, "task_id": job_id})

    assert sent(app) == hastened


def test_a_job_known_by_the_gateways_id_is_told_by_the_vendors(
    app: Celery, call: Callable[..., Answer]
) -> None:
    call(waiting(app, job_id="task_01JSGXXXXXXXXXXXXXXXXXX").id, SUCCESS)

    assert sent(app) == 1


def test_notices_that_come_too_early_or_too_late_do_nothing(
    app: Celery, call: Callable[..., Answer]
) -> None:
    early, late = enqueue_video(REQUEST).id, waiting(app).id
    cancel_video(late)
    sent(app)

    for id in (early, late, "nobody's"):
        assert call(id, SUCCESS) == (200, ACK)
    assert sent(app) == 0


UNKNOWN = {"type": "SubmissionUnknown", "message": "", "resumable": False}
SUBMITTING = {"stage": Stage.SUBMITTING, "job_id": None}
FAILED = {"stage": Stage.FAILED, "job_id": None, "next_at": None, "error": UNKNOWN}


@pytest.mark.parametrize(
    ("known", "said", "asked"),
    [
        (SUBMITTING, SUCCESS, 1),
        (SUBMITTING, PROCESSING, 0),
        (FAILED, SUCCESS, 1),
        (FAILED, PROCESSING, 1),
    ],
    ids=["ended", "just begun", "failed, ended", "failed, runs"],
)
def test_a_flood_at_a_submission_without_an_answer_has_one_question_asked(
    app: Celery, call: Callable[..., Answer], known: Any, said: Any, asked: int
) -> None:
    ticket = waiting(app, **known)

    for _ in range(20):
        call(ticket.id, said)

    assert (sent(app), read(app, ticket.id)) == (asked, ticket)


def test_a_store_that_is_away_has_the_vendor_come_again(
    app: Celery, call: Callable[..., Answer]
) -> None:
    app.conf.phanedge_tickets = "redis://127.0.0.1:9/0"

    assert call("id", SUCCESS) == (503, {"error": "try again later"})


def test_flask_needs_to_know_the_celery_app() -> None:
    site = Flask("without")
    site.register_blueprint(callback_routes(), url_prefix="/hook")
    site.testing = True

    with pytest.raises(ConfigurationError, match="pass app= to the routes"):
        site.test_client().post("/hook/token", data=b"")
