"""Progress and cancel over HTTP, in Flask."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from celery import Celery, Task
from flask import Flask, Response, current_app, jsonify, request, url_for
from flask.testing import FlaskClient

from phanedge_celery import ConfigurationError, enqueue_video
from phanedge_celery.contrib.flask import video_routes
from phanedge_celery.testing import FakePhanEdge
from phanedge_celery.tickets import Stage, Ticket, close_stores, store_for
from tests.contrib.conftest import AT_ONCE, REQUEST, sent
from tests.contrib.owners import ASKED, OWNERS, owns
from tests.servers import RedisServer

ME = {"X-User": "me"}


def make_flask(name: str, **conf: Any) -> Flask:
    """Make a Flask app as Flask's documentation does it."""
    app = Flask(name)
    app.config["CELERY"] = {
        "broker_url": "memory://",
        "result_backend": "cache+memory://",
        "task_default_queue": uuid4().hex,
        "phanedge_tickets": f"memory://{name}",
        "phanedge_schedule": AT_ONCE,
        **conf,
    }

    class FlaskTask(Task):  # type: ignore[type-arg]
        def __call__(self, *args: object, **kwargs: object) -> object:
            with app.app_context():
                return self.run(*args, **kwargs)

    celery = Celery(name, task_cls=FlaskTask, set_as_current=False)
    celery.config_from_object(app.config["CELERY"])
    app.extensions["celery"] = celery
    app.register_blueprint(video_routes(permission=owns), url_prefix="/videos")
    app.add_url_rule("/ask", "ask", ask, methods=["POST"])
    return app


def ask() -> Response:
    result = enqueue_video(request.get_json(), app=current_app.extensions["celery"])
    OWNERS[result.id] = request.headers["X-User"]
    return jsonify(id=result.id)


@pytest.fixture(autouse=True)
def nobodys() -> Iterator[None]:
    OWNERS.clear()
    ASKED.clear()
    yield
    close_stores()


@pytest.fixture
def site(fake: FakePhanEdge) -> Flask:
    return make_flask("one", phanedge_api_key=fake.key, phanedge_base_url=fake.url)


@pytest.fixture
def client(site: Flask) -> FlaskClient:
    return site.test_client()


@pytest.fixture
def mine(client: FlaskClient, site: Flask) -> str:
    """The id of a job of mine, of which one message has been sent."""
    id: str = asked(client)
    sent(site.extensions["celery"])
    return id


def asked(client: FlaskClient) -> str:
    answer = client.post("/ask", json=REQUEST, headers=ME)
    return str(answer.json["id"])  # type: ignore[index]


def stage(site: Flask, id: str) -> Stage | None:
    ticket = store_for(site.extensions["celery"]).read(id)
    return ticket.stage if ticket else None


def test_progress_is_one_json_object_that_no_cache_keeps(
    client: FlaskClient, mine: str
) -> None:
    answer = client.get(f"/videos/{mine}", headers=ME)

    assert (answer.status_code, answer.content_type) == (200, "application/json")
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.json is not None
    assert (answer.json["id"], answer.json["stage"]) == (mine, "queued")


def test_an_unchanged_job_answers_304_though_time_has_passed(
    client: FlaskClient, site: Flask, mine: str
) -> None:
    first = client.get(f"/videos/{mine}", headers=ME)
    known = {**ME, "If-None-Match": first.headers["ETag"]}
    time.sleep(0.2)

    same = client.get(f"/videos/{mine}", headers=known)
    store_for(site.extensions["celery"]).advance(mine, 1, stage=Stage.POLLING)
    other = client.get(f"/videos/{mine}", headers=known)

    assert (same.status_code, same.data) == (304, b"")
    assert other.status_code == 200


def test_the_download_url_is_shown_only_where_it_was_asked_for(site: Flask) -> None:
    shown = video_routes(permission=owns, show_url=True, name="shown")
    site.register_blueprint(shown, url_prefix="/shown")
    video = {"file_id": "2", "download_url": "https://files.example/v?sign=1"}
    ticket = Ticket(id="done", stage=Stage.DONE, since=time.time(), video=video)
    store_for(site.extensions["celery"]).create(ticket)
    OWNERS["done"] = "me"

    client = site.test_client()
    hidden = client.get("/videos/done", headers=ME).json
    told = client.get("/shown/done", headers=ME).json

    assert hidden is not None
    assert told is not None
    assert hidden["video"] == {"file_id": "2"}
    assert told["video"] == video


@pytest.mark.parametrize("id", ["unknown", "a" * 10_000, "<script>", "a%00b", "%ff"])
def test_what_is_no_job_is_not_found_and_changes_nothing(
    client: FlaskClient, site: Flask, id: str
) -> None:
    answers = [
        client.get(f"/videos/{id}", headers=ME),
        client.post(f"/videos/{id}/cancel", headers=ME),
    ]

    for answer in answers:
        assert answer.status_code == 404
        assert b"<script>" not in answer.data
    celery = site.extensions["celery"]
    assert sent(celery) == 0
    assert list(store_for(celery).jobs()) == []


def test_somebody_elses_job_looks_like_none(
    client: FlaskClient, site: Flask, mine: str
) -> None:
    you = {"X-User": "you"}
    OWNERS["nothing"] = "you"

    theirs = client.get(f"/videos/{mine}", headers=you)
    none = client.get("/videos/nothing", headers=you)
    cancelled = client.post(f"/videos/{mine}/cancel", headers=you)

    assert [a.status_code for a in (theirs, none, cancelled)] == [404] * 3
    assert theirs.data == none.data == cancelled.data
    assert stage(site, mine) is Stage.QUEUED
    assert sent(site.extensions["celery"]) == 0


@pytest.mark.parametrize(
    ("method", "end"),
    [("POST", ""), ("PUT", ""), ("DELETE", ""), ("GET", "/cancel"), ("PUT", "/cancel")],
)
def test_other_methods_are_refused(
    client: FlaskClient, site: Flask, mine: str, method: str, end: str
) -> None:
    answer = client.open(f"/videos/{mine}{end}", method=method, headers=ME)

    assert answer.status_code == 405
    assert stage(site, mine) is Stage.QUEUED


def test_a_cancel_says_what_it_stopped(
    client: FlaskClient, site: Flask, mine: str
) -> None:
    first = client.post(f"/videos/{mine}/cancel", headers=ME)
    second = client.post(f"/videos/{mine}/cancel", headers=ME)

    stopped = {"job_id": None, "may_be_billed": False}
    assert first.json == {"stopped": "before_submit", **stopped}
    assert second.json == {"stopped": "too_late", **stopped}
    assert sent(site.extensions["celery"]) == 1


@pytest.mark.parametrize(
    ("site_of_origin", "status"),
    [("same-origin", 200), ("none", 200), ("same-site", 403), ("cross-site", 403)],
)
def test_a_cancel_that_another_site_made_a_browser_send_is_refused(
    client: FlaskClient, mine: str, site_of_origin: str, status: int
) -> None:
    headers = {**ME, "Sec-Fetch-Site": site_of_origin}

    answer = client.post(f"/videos/{mine}/cancel", headers=headers)

    assert answer.status_code == status


def test_a_ticket_store_that_is_away_is_no_error_of_ours(
    client: FlaskClient, site: Flask, mine: str
) -> None:
    site.extensions["celery"].conf.phanedge_tickets = "redis://127.0.0.1:1/0"

    answer = client.get(f"/videos/{mine}", headers=ME)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert b"127.0.0.1" not in answer.data


def test_two_apps_of_one_process_use_each_its_own_key() -> None:
    with FakePhanEdge() as first, FakePhanEdge() as second:
        first.options(keys=["first-key"])
        second.options(keys=["second-key"])
        sites = [
            make_flask(
                name,
                phanedge_api_key=f"{name}-key",
                phanedge_base_url=fake.url,
                task_always_eager=True,
            )
            for name, fake in (("first", first), ("second", second))
        ]

        for site in sites:
            client = site.test_client()
            shown = client.get(f"/videos/{asked(client)}", headers=ME).json
            assert shown is not None
            assert shown["state"] == "SUCCESS"
        assert [len(fake.log("create")) for fake in (first, second)] == [1, 1]


def test_two_apps_of_one_process_use_each_its_own_broker_and_results(
    redis_server: RedisServer,
) -> None:
    servers = {name: redis_server.fresh() for name in ("left", "right")}
    left, right = (
        make_flask(
            name,
            broker_url=urls.broker,
            result_backend=urls.backend,
            phanedge_tickets=None,
        )
        for name, urls in servers.items()
    )

    id = asked(left.test_client())

    assert left.test_client().get(f"/videos/{id}", headers=ME).status_code == 200
    assert right.test_client().get(f"/videos/{id}", headers=ME).status_code == 404
    assert sent(right.extensions["celery"]) == 0
    assert sent(left.extensions["celery"]) == 1


def test_a_step_runs_in_the_app_context_of_its_own_flask_app(
    fake: FakePhanEdge,
) -> None:
    site = make_flask(
        "contexts",
        phanedge_api_key=fake.key,
        phanedge_base_url=fake.url,
        task_always_eager=True,
    )
    celery: Celery = site.extensions["celery"]
    step = celery.tasks["phanedge.submit_video"]

    assert "FlaskTask" in [cls.__name__ for cls in type(step).__mro__]
    assert enqueue_video(REQUEST, app=celery).get()["file_id"] == fake.file_id


def test_the_routes_follow_the_prefix_under_which_the_site_runs(site: Flask) -> None:
    with site.test_request_context("/", environ_overrides={"SCRIPT_NAME": "/below"}):
        assert url_for("phanedge.progress", id="a") == "/below/videos/a"
        assert url_for("phanedge.cancel", id="a") == "/below/videos/a/cancel"


def test_an_app_without_celery_is_told_what_is_missing() -> None:
    site = Flask("none")
    site.testing = True
    site.register_blueprint(video_routes(permission=owns), url_prefix="/videos")

    with pytest.raises(ConfigurationError, match=r"extensions\['celery'\]"):
        site.test_client().get("/videos/a", headers=ME)


def test_a_permission_must_be_given() -> None:
    with pytest.raises(TypeError, match="permission"):
        video_routes()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="a function of the request and the id"):
        video_routes(permission=True)  # type: ignore[arg-type]
