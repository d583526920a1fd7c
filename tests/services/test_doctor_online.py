"""What the doctor finds by asking: each thing at hand, and each thing gone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import redis
from celery import Celery

from phanedge_celery.doctor import examine
from phanedge_celery.doctor.asking_stores import SKEW, condition
from phanedge_celery.doctor.asking_workers import PATIENCE
from phanedge_celery.doctor.online import QUESTIONS, Question
from phanedge_celery.testing import FakePhanEdge, Fault
from phanedge_celery.testing.fixtures import fake
from phanedge_celery.tickets import Condition, TicketStore, close_stores, open_store
from tests.servers import RedisServer, free_port
from tests.services.ticket_addresses import address, store
from tests.stacks import Stack
from tests.workers import WorkerProcess

__all__ = ["address", "fake", "store"]

MARK = "sk-marked-4e1f9b7c2d"
PASSWORD = "swordfish-marked-77"


@pytest.fixture(autouse=True)
def closed_stores() -> Iterator[None]:
    yield
    close_stores()


def an_app(**conf: Any) -> Celery:
    app = Celery("asked", set_as_current=False)
    app.conf.update(
        {
            "broker_url": "memory://",
            "result_backend": "cache+memory://",
            "task_routes": {"phanedge.*": {"queue": "phanedge"}},
            **conf,
        }
    )
    return app


def codes(app: Celery, *subjects: str, seconds: float = 10) -> list[str]:
    """Return what the questions about *subjects* (all of them) find."""
    asked = [each for each in QUESTIONS if not subjects or each.subject in subjects]
    found = examine(app, seconds=seconds, questions=asked)
    return [each.code.removeprefix("phanedge.") for each in found]


def with_fake(fake: FakePhanEdge, **conf: Any) -> Celery:
    return an_app(phanedge_base_url=fake.url, phanedge_api_key=fake.key, **conf)


def test_where_all_is_well_nothing_is_found(redis_stack: Stack, tmp_path: Path) -> None:
    redis_stack.app.conf.phanedge_storage = str(tmp_path / "videos")
    try:
        assert codes(redis_stack.app) == []
    finally:
        redis_stack.app.conf.phanedge_storage = None
    assert (tmp_path / "videos" / "phanedge-doctor.txt").read_text()


def test_each_thing_out_of_reach_is_one_line_without_a_secret() -> None:
    where = f"127.0.0.1:{free_port()}"
    app = an_app(
        broker_url=f"redis://:{PASSWORD}@{where}/0",
        result_backend=f"redis://:{PASSWORD}@{where}/1",
        phanedge_base_url=f"http://{where}",
        phanedge_api_key=MARK,
    )

    found = examine(app)

    assert [each.code[10:] for each in found] == ["101", "102", "103", "104"]
    told = repr([each.as_json() for each in found])
    assert "\\n" not in told
    assert MARK not in told
    assert PASSWORD not in told


def test_what_takes_connections_but_says_nothing_ends_the_asking_in_time(
    own_redis: RedisServer,
) -> None:
    url = own_redis.url(0)
    app = an_app(broker_url=url, result_backend=url)
    own_redis.pause()

    began = time.monotonic()
    found = codes(app, seconds=1)
    took = time.monotonic() - began
    own_redis.resume()

    assert found == ["E101", "E102", "E103"]
    assert took < 2.5


def test_a_question_that_breaks_is_told_with_the_name_of_its_error() -> None:
    def breaks(app: Celery) -> Iterator[Any]:
        raise LookupError(f"https://h.example/x?sig={PASSWORD}\nand more")

    question = Question("E107", "The storage", breaks, "Because.", "phanedge_storage")
    [found] = examine(an_app(), questions=[question])

    assert (
        found.what == "The storage failed: LookupError: https://h.example/x?… and more."
    )


def test_nothing_is_asked_under_settings_that_cannot_work() -> None:
    assert codes(an_app(phanedge_max_wiat=1, broker_url="redis://127.0.0.1:1/0")) == []


def test_a_key_that_is_refused_is_found(fake: FakePhanEdge) -> None:
    app = with_fake(fake)

    assert codes(app, "The API") == []
    fake.options(keys=["another"])
    assert codes(app, "The API") == ["E105"]
    assert fake.counts.get("create", 0) == 0


@pytest.mark.parametrize(
    ("sample", "code"),
    [
        ("gateway_401_quota", "W106"),
        ("query_auth_1004", "E105"),
        ("gateway_502", "E104"),
        ("gateway_404", None),
        ("query_invalid_2013", None),
        ("gateway_429", None),
    ],
)
def test_what_the_api_answers_is_told_by_what_to_do(
    fake: FakePhanEdge, sample: str, code: str | None
) -> None:
    fake.play(sample, on="query", times=None)

    assert codes(with_fake(fake), "The API") == ([code] if code else [])


def test_a_server_that_is_not_the_service_is_found(fake: FakePhanEdge) -> None:
    fake.fault(Fault(status=404, body="<html>nothing here</html>"), on="query")

    assert codes(with_fake(fake), "The API") == ["E104"]


def test_without_a_key_the_api_is_not_asked(
    fake: FakePhanEdge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PHANEDGE_API_KEY", raising=False)

    assert codes(an_app(phanedge_base_url=fake.url), "The API") == []
    assert fake.requests == []


def test_a_storage_that_takes_no_file_is_found(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")

    assert codes(an_app(phanedge_storage=str(tmp_path)), "The storage") == []
    assert codes(an_app(phanedge_storage=f"{tmp_path}/file/x"), "The storage") == [
        "E107"
    ]


@pytest.mark.parametrize(
    ("policy", "limit", "evicts"),
    [
        ("allkeys-lru", "64mb", True),
        ("volatile-ttl", "64mb", True),
        ("noeviction", "64mb", False),
        ("allkeys-lru", "0", False),
    ],
)
def test_a_redis_that_forgets_tickets_is_found(
    own_redis: RedisServer, policy: str, limit: str, *, evicts: bool
) -> None:
    url = own_redis.url(0)
    with redis.Redis.from_url(url) as client:
        client.config_set("maxmemory-policy", policy)
        client.config_set("maxmemory", limit)

    app = an_app(broker_url=url, result_backend=url)

    assert codes(app, "The ticket store") == ["E110"] * evicts


def test_an_account_that_may_not_ask_redis_is_no_hazard(
    own_redis: RedisServer,
) -> None:
    url = own_redis.url(0)
    with redis.Redis.from_url(url) as client:
        client.acl_setuser(
            "poor",
            enabled=True,
            passwords=["+pw"],
            keys=["*"],
            categories=["+@all"],
            commands=["-info", "-time"],
        )
    poor = open_store(url.replace("redis://", "redis://poor:pw@"))

    assert poor.condition() == Condition()
    assert list(condition(poor)) == []


class Clock:
    """A ticket store whose clock is off."""

    def __init__(self, off: float) -> None:
        self.off = off

    def condition(self) -> Condition:
        return Condition(now=time.time() + self.off)


@pytest.mark.parametrize(
    ("off", "said"), [(-60, "60 s ahead of"), (60, "60 s behind"), (SKEW - 1, None)]
)
def test_clocks_that_differ_are_found(off: float, said: str | None) -> None:
    found = list(condition(cast("TicketStore", Clock(off))))

    assert [said in each.what for each in found if said] == [True] * bool(said)
    assert len(found) == bool(said)


@pytest.mark.parametrize("address", ["sqlite", "redis", "django-sqlite"], indirect=True)
def test_each_store_tells_its_clock_or_says_nothing(store: TicketStore) -> None:
    told = store.condition().now

    assert told is None or abs(told - time.time()) < SKEW


def test_postgres_and_redis_tell_their_clock(
    fresh_redis: Any, postgres_server: Any
) -> None:
    for url in (fresh_redis.backend, postgres_server.fresh_url()):
        assert open_store(url).condition().now is not None


def test_a_queue_that_nobody_works_on_is_found(redis_stack: Stack) -> None:
    app = an_app(
        broker_url=redis_stack.app.conf.broker_url,
        task_routes={"phanedge.poll_video": "nobody"},
    )

    [found] = examine(app, questions=QUESTIONS[-1:])

    assert found.code == "phanedge.E108"
    assert "'nobody'" in found.what


def test_a_broker_that_cannot_broadcast_is_not_asked_about_workers(
    tmp_path: Path,
) -> None:
    app = an_app(broker_url=f"sqla+sqlite:///{tmp_path}/broker.db")

    began = time.monotonic()

    assert codes(app, "The workers") == []
    assert time.monotonic() - began < PATIENCE


def test_a_worker_that_throws_our_jobs_away_is_found(fresh_redis: Any) -> None:
    env = {"PHANEDGE_TEST_BROKER": fresh_redis.broker}
    app = an_app(broker_url=fresh_redis.broker)
    with WorkerProcess(
        env, module="tests.apps.foreign", pool="solo", queues=["phanedge"]
    ) as worker:
        found = codes(app, "The workers")

        assert worker.child.running

    assert found == ["E109"]
