"""Whole jobs of a Django site with a real worker, on each of its result backends."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import redis
import requests

from tests.servers import RedisServer
from tests.sites import Site, ask, django_site, ended

pytestmark = pytest.mark.timeout(300)
Kept = dict[str, Any]
"""What the result backend has of a task: status and result, as Celery spells them."""


def in_django(site: Site, _: str, id: str) -> Kept:
    query = "SELECT status, result FROM django_celery_results_taskresult"
    with closing(sqlite3.connect(site.folder / "site.db")) as database:
        rows = database.execute(f"{query} WHERE task_id = ?", [id]).fetchall()
    [(status, result)] = rows
    return {"status": status, "result": json.loads(result)}


def in_redis(_: Site, url: str, id: str) -> Kept:
    with redis.Redis.from_url(url) as client:
        kept: Kept = json.loads(client.get(f"celery-task-meta-{id}") or "{}")
    return kept


BACKENDS = {"django-db": in_django, "redis": in_redis}


@pytest.fixture(scope="module", params=BACKENDS)
def running(
    request: pytest.FixtureRequest, redis_server: RedisServer
) -> Iterator[tuple[Site, Any]]:
    """A site with its worker, and what tells of a result in its backend."""
    kind = request.param
    results = redis_server.fresh_url() if kind == "redis" else kind
    with django_site(redis_server.fresh_url(), results=results) as site:
        yield site, lambda id: BACKENDS[kind](site, results, id)


def job(site: Site, prompt: str) -> tuple[str, Kept]:
    """Ask for a video in the site and wait for its end; return id and progress."""
    with requests.Session() as visitor:
        id = ask(visitor, f"{site.url}/", prompt)
        return id, ended(visitor, f"{site.url}/api/videos/{id}/")


def test_the_video_is_in_the_result_in_the_ticket_and_in_the_storage(
    running: tuple[Site, Any],
) -> None:
    site, kept = running
    site.fake.script("Queueing", "Processing", "Success", prompt="A cat surfs.")

    id, told = job(site, "A cat surfs.")

    result = kept(id)
    assert (result["status"], told["stage"]) == ("SUCCESS", "done")
    assert result["result"]["saved_to"] == told["video"]["saved_to"]
    film = site.folder / "media" / told["video"]["saved_to"]
    assert film.stat().st_size == told["video"]["bytes"]
    assert site.fake.posts_by("prompt")["A cat surfs."] == 1


def test_the_error_is_in_the_result_and_in_the_ticket(
    running: tuple[Site, Any],
) -> None:
    site, kept = running
    given_up = {"status": "Fail", "error_message": "no more memory"}
    site.fake.script("Queueing", given_up, prompt="A dog surfs.")

    id, told = job(site, "A dog surfs.")

    result = kept(id)
    assert (result["status"], told["stage"]) == ("FAILURE", "failed")
    assert result["result"]["exc_type"] == told["error"]["type"] == "JobFailed"
    assert "no more memory" in told["error"]["message"]
