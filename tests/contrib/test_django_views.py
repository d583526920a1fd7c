"""Progress and cancel over HTTP, in Django."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from celery import Celery
from django.test import Client
from django.urls import reverse, set_script_prefix

from phanedge_celery import enqueue_video
from phanedge_celery.contrib.django import video_urls
from phanedge_celery.testing import FakePhanEdge, fail
from phanedge_celery.tickets import Stage, Ticket, store_for
from tests.contrib.conftest import REQUEST, sent
from tests.contrib.owners import ASKED, OWNERS

ME = {"X-User": "me"}


@pytest.fixture(autouse=True)
def nobodys() -> Iterator[None]:
    OWNERS.clear()
    ASKED.clear()
    yield
    set_script_prefix("/")


@pytest.fixture
def client() -> Client:
    return Client(headers=ME, enforce_csrf_checks=True)


@pytest.fixture
def mine(app: Celery) -> str:
    """The id of a job of mine, of which one message has been sent."""
    id = enqueue_video(REQUEST).id
    sent(app)
    OWNERS[id] = "me"
    return id


def done(app: Celery, **video: Any) -> str:
    """Return the id of a finished job of mine."""
    ticket = Ticket(
        id="done",
        stage=Stage.DONE,
        since=time.time(),
        video={"file_id": "2", "job_id": "1", **video},
    )
    store_for(app).create(ticket)
    OWNERS["done"] = "me"
    return ticket.id


def test_a_whole_job_runs_eagerly_under_the_test_client(
    client: Client, eager_app: Celery, fake: FakePhanEdge
) -> None:
    asked = client.post("/ask/", REQUEST, content_type="application/json")
    shown = client.get(f"/videos/{asked.json()['id']}/").json()

    assert (shown["state"], shown["stage"]) == ("SUCCESS", "done")
    assert shown["video"]["file_id"] == fake.file_id
    assert "download_url" not in shown["video"]
    assert fake.posts_by("prompt") == {"A cat surfs.": 1}


def test_a_failed_job_is_told_with_its_error(
    client: Client, eager_app: Celery, fake: FakePhanEdge
) -> None:
    fake.script("Queueing", fail(1027, "output new_sensitive"))
    asked = client.post("/ask/", REQUEST, content_type="application/json")
    shown = client.get(f"/videos/{asked.json()['id']}/").json()

    assert (shown["state"], shown["video"]) == ("FAILURE", None)
    assert shown["error"]["type"] == "ContentRejected"
    assert shown["error"]["job_id"] == fake.job_id


def test_progress_is_one_json_object_that_no_cache_keeps(
    client: Client, mine: str
) -> None:
    answer = client.get(f"/videos/{mine}/")

    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
    assert answer["Cache-Control"] == "private, no-store"
    assert answer.json()["stage"] == "queued"
    assert answer.json()["id"] == mine


def test_an_unchanged_job_answers_304_though_time_has_passed(
    client: Client, mine: str, app: Celery
) -> None:
    store = store_for(app)
    known = {"If-None-Match": client.get(f"/videos/{mine}/")["ETag"]}
    time.sleep(0.2)

    same = client.get(f"/videos/{mine}/", headers=known)
    store.advance(mine, 1, stage=Stage.POLLING, status="Queueing")
    other = client.get(f"/videos/{mine}/", headers=known)

    assert (same.status_code, same.content) == (304, b"")
    assert same["Cache-Control"] == "private, no-store"
    assert (other.status_code, other.json()["status"]) == (200, "Queueing")


@pytest.mark.parametrize(
    ("route", "shown"), [("videos", None), ("shown", "https://files.example/v?sign=1")]
)
def test_the_download_url_is_shown_only_where_it_was_asked_for(
    client: Client, app: Celery, route: str, shown: str | None
) -> None:
    id = done(app, download_url="https://files.example/v?sign=1", filename="v.mp4")

    video = client.get(f"/{route}/{id}/").json()["video"]

    assert video.get("download_url") == shown
    assert video["filename"] == "v.mp4"


HOSTILE = {
    "unknown": "0d3e4c7a-9f5c-4a3e-8f0e-2f5b2f3f9b11",
    "long": "a" * 10_000,
    "html": "<script>alert(1)</script>",
    "control": "a%00b",
    "newline": "a%0d%0aSet-Cookie:x",
    "not_utf_8": "%ff%fe",
    "unicode": "%E2%80%AE",
}


@pytest.mark.parametrize("id", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_is_no_job_is_not_found_and_changes_nothing(
    client: Client, app: Celery, id: str
) -> None:
    client = Client(headers=ME)
    answers = [client.get(f"/videos/{id}/"), client.post(f"/videos/{id}/cancel/")]

    for answer in answers:
        assert answer.status_code == 404
        assert b"<script>" not in answer.content
    assert sent(app) == 0
    assert list(store_for(app).jobs()) == []


def test_an_id_of_ten_kilobytes_is_refused_before_anybody_is_asked(
    client: Client, app: Celery
) -> None:
    client.get(f"/videos/{'a' * 10_000}/")

    assert ASKED == []


def test_somebody_elses_job_looks_like_none(
    client: Client, mine: str, app: Celery
) -> None:
    stranger = Client(headers={"X-User": "you"})
    OWNERS["nothing"] = "you"

    theirs = stranger.get(f"/videos/{mine}/")
    none = stranger.get("/videos/nothing/")
    cancelled = stranger.post(f"/videos/{mine}/cancel/")

    assert theirs.status_code == none.status_code == cancelled.status_code == 404
    assert theirs.content == none.content == cancelled.content
    assert sent(app) == 0
    ticket = store_for(app).read(mine)
    assert ticket is not None
    assert ticket.stage is Stage.QUEUED


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_progress_is_only_read(client: Client, mine: str, method: str) -> None:
    answer = Client(headers=ME).generic(method.upper(), f"/videos/{mine}/")

    assert answer.status_code == 405


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE"])
def test_only_a_post_cancels(mine: str, app: Celery, method: str) -> None:
    answer = Client(headers=ME).generic(method, f"/videos/{mine}/cancel/")

    assert answer.status_code == 405
    assert sent(app) == 0


def test_a_cancel_without_a_csrf_token_is_refused(
    client: Client, mine: str, app: Celery
) -> None:
    answer = client.post(f"/videos/{mine}/cancel/")

    assert answer.status_code == 403
    assert sent(app) == 0


def test_a_cancel_says_what_it_stopped(mine: str, app: Celery) -> None:
    client = Client(headers=ME)

    first = client.post(f"/videos/{mine}/cancel/")
    second = client.post(f"/videos/{mine}/cancel/")

    stopped = {"job_id": None, "may_be_billed": False}
    assert first.json() == {"stopped": "before_submit", **stopped}
    assert second.json() == {"stopped": "too_late", **stopped}
    assert first["Cache-Control"] == "private, no-store"
    assert sent(app) == 1
    assert client.get(f"/videos/{mine}/").json()["state"] == "REVOKED"


def test_a_head_request_has_the_headers_alone(client: Client, mine: str) -> None:
    answer = client.head(f"/videos/{mine}/")

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer["ETag"]


def test_a_ticket_store_that_is_away_is_no_error_of_ours(
    client: Client, mine: str, app: Celery
) -> None:
    app.conf.phanedge_tickets = "redis://127.0.0.1:1/0"

    answer = client.get(f"/videos/{mine}/")

    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"
    assert "127.0.0.1" not in answer.content.decode()


def test_the_routes_follow_the_prefix_under_which_the_site_runs() -> None:
    set_script_prefix("/somewhere/")

    assert reverse("phanedge:progress", args=["a"]) == "/somewhere/videos/a/"
    assert reverse("shown:cancel", args=["a"]) == "/somewhere/shown/a/cancel/"


def test_a_permission_must_be_given() -> None:
    with pytest.raises(TypeError, match="permission"):
        video_urls()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="a function of the request and the id"):
        video_urls(permission=True)  # type: ignore[arg-type]


def test_html_in_a_prompt_comes_back_as_plain_json(
    client: Client, eager_app: Celery, fake: FakePhanEdge
) -> None:
    prompt = "<img src=x onerror=alert(1)>"
    fake.script({"status": "Fail", "error_message": prompt})
    request = {**REQUEST, "prompt": prompt}
    asked = client.post("/ask/", request, content_type="application/json")
    answer = client.get(f"/videos/{asked.json()['id']}/")

    assert answer["Content-Type"] == "application/json"
    assert prompt in json.loads(answer.content)["error"]["message"]


def test_each_route_may_serve_a_celery_app_of_its_own(
    client: Client, mine: str, app: Celery, fake: FakePhanEdge
) -> None:
    from phanedge_celery.contrib.shown import Door

    ticket = store_for(app).read(mine)
    assert ticket is not None
    with Celery("other", set_as_current=False) as other:
        other.conf.update(
            result_backend="cache+memory://", phanedge_tickets="memory://other"
        )
        store_for(other).create(replace(ticket, stage=Stage.SAVING))
        door = Door(permission=lambda *_: True, app=other)

        there = door.find(None, mine)

    assert there is not None
    assert there["stage"] == "saving"
    assert client.get(f"/videos/{mine}/").json()["stage"] == "queued"
