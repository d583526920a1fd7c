"""What is particular about tickets in Redis."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import redis

from phanedge_celery.tickets import Stage, Ticket, TicketStore, close_stores, open_store
from tests.processes import Child, wait_for
from tests.servers import RedisServer, free_port

LONG_AGO, LATER = 1.0, 10.0


@pytest.fixture
def url(redis_server: RedisServer) -> Iterator[str]:
    yield redis_server.fresh_url()
    close_stores()


@pytest.fixture
def client(url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(url, decode_responses=True) as client:
        yield client


def ended(store: TicketStore, id: str, **known: Any) -> None:
    store.create(Ticket(id=id, since=LONG_AGO, next_at=LONG_AGO, message={}))
    changes = {"next_at": None, "ended_at": LONG_AGO, **known}
    assert store.advance(id, 1, stage=Stage.CANCELLED, **changes)


def test_an_ended_ticket_expires_when_it_was_remembered_long_enough(
    url: str, client: redis.Redis
) -> None:
    store = open_store(url, remember=0.2)
    ended(store, "over")
    ended(store, "unsettled", next_at=LONG_AGO)
    ended(store, "reopened")
    store.advance("reopened", 2, stage=Stage.POLLING)

    wait_for(lambda: store.read("over") is None, every=0.02)

    assert store.create(Ticket(id="over", since=LATER))
    assert client.ttl("phanedge:ticket:unsettled") == -1
    assert client.ttl("phanedge:ticket:reopened") == -1
    assert client.ttl("phanedge:message:reopened") == -1


def test_a_ticket_is_remembered_in_milliseconds(url: str, client: redis.Redis) -> None:
    ended(open_store(url, remember=30 * 86_400), "over")

    for kind in ("ticket", "message"):
        ttl = client.pttl(f"phanedge:{kind}:over")
        assert isinstance(ttl, int)
        assert 0 <= 30 * 86_400_000 - ttl < 60_000


def test_what_has_vanished_leaves_the_listings(url: str, client: redis.Redis) -> None:
    store = open_store(url)
    for id in ("gone", "here"):
        store.create(Ticket(id=id, since=LONG_AGO, next_at=LONG_AGO))
    client.delete("phanedge:ticket:gone")

    assert [t.id for t in store.overdue(LATER, 1)] == ["here"]
    assert client.zrange("phanedge:due", 0, -1) == ["here"]
    assert [t.id for t in store.jobs()] == ["here"]
    assert store.purge(LATER) == 0
    assert client.zrange("phanedge:since", 0, -1) == ["here"]


def test_an_ended_and_purged_ticket_leaves_nothing(
    url: str, client: redis.Redis
) -> None:
    store = open_store(url)
    ended(store, "over")

    assert store.purge(LATER) == 1
    assert client.keys() == []


def test_tickets_of_two_prefixes_do_not_meet(url: str, client: redis.Redis) -> None:
    ours, theirs = (open_store(f"{url}?prefix={name}_") for name in ("a", "b"))
    ours.create(Ticket(id="x", since=1.0, next_at=1.0, message={"n": 1}))
    ours.lease("watch", "w", 60)

    assert theirs.read("x") is None
    assert list(theirs.jobs()) == []
    assert theirs.overdue(LATER, 9) == []
    assert theirs.lease("watch", "v", 60)
    assert theirs.create(Ticket(id="x", since=2.0))
    keys: Any = client.keys()
    assert {key[:11] for key in keys} == {"a_phanedge:", "b_phanedge:"}


def test_fields_of_a_later_version_survive_an_advance(
    url: str, client: redis.Redis
) -> None:
    store = open_store(url)
    store.create(Ticket(id="x", since=1.0))
    client.hset("phanedge:ticket:x", "mood", "sunny")

    store.advance("x", 1, stage=Stage.POLLING, job_id="1069")

    assert store.read("x") == Ticket(
        id="x", version=2, since=1.0, stage=Stage.POLLING, job_id="1069"
    )
    assert client.hget("phanedge:ticket:x", "mood") == "sunny"


def test_a_server_that_forgot_the_scripts_learns_them_again(
    url: str, client: redis.Redis
) -> None:
    store = open_store(url)
    store.create(Ticket(id="x", since=1.0))

    client.script_flush()

    assert store.read("x") == Ticket(id="x", since=1.0)


def test_a_waiting_ticket_is_kept_compactly(url: str, client: redis.Redis) -> None:
    store = open_store(url)
    message = {"task": "phanedge.poll_video", "options": {"task_id": "0" * 36} | ROUTE}
    store.create(Ticket(id="0" * 36, since=NOW, request_sha256="f" * 64, key="order-1"))
    store.advance(
        "0" * 36,
        1,
        stage=Stage.POLLING,
        job_id="106916112212032",
        platform_id="video_01JSGXXXXXXXXXXXXXXXXXX",
        status="Processing",
        history={"Preparing": 10000.1, "Queueing": 20000.1, "Processing": 60000.1},
        polls=30,
        submitted_at=NOW,
        deadline=NOW,
        next_at=NOW,
        message=message,
    )

    encoding: Any = client.object("encoding", "phanedge:ticket:" + "0" * 36)
    assert encoding in ("listpack", "ziplist")


def test_a_waiting_ticket_takes_less_than_a_kilobyte(
    url: str, client: redis.Redis
) -> None:
    store, many = open_store(url), 200
    for number in range(many):
        store.create(waiting(str(UUID(int=number)), str(10**15 + number)))

    keys: Any = client.keys()
    sizes = {key: client.memory_usage(key, samples=0) for key in keys}
    each = sum(size for size in sizes.values() if isinstance(size, int)) / many
    assert each < 1000


def waiting(id: str, job_id: str) -> Ticket:
    """Return a ticket as the second poll of a job leaves it."""
    name = "orders/2026/4711.mp4"
    return Ticket(
        id=id,
        version=4,
        stage=Stage.POLLING,
        key="order-4711/1",
        request_sha256="f" * 64,
        model="MiniMax-Hailuo-2.3",
        resolution="1080P",
        save_to=name,
        job_id=job_id,
        status="Processing",
        history={"Preparing": 10.1, "Queueing": 61.2, "Processing": 118.4},
        polls=2,
        since=NOW,
        submitted_at=NOW,
        deadline=NOW,
        next_at=NOW,
        message={
            "task": "phanedge.poll_video",
            "args": [job_id],
            "kwargs": {"save_to": name},
            "options": {"task_id": id},
        },
    )


def test_a_ticket_is_due_in_one_place(url: str, client: redis.Redis) -> None:
    store = open_store(url)
    store.create(Ticket(id="x", since=1.0, next_at=1.0))
    places = [where(client)]
    for version, stage in enumerate((Stage.POLLING, Stage.POLLING, Stage.SAVING), 1):
        store.advance("x", version, stage=stage, next_at=2.0)
        places.append(where(client))
        store.touch("x", version + 1, 3.0)
        places.append(where(client))
    store.advance("x", 4, stage=Stage.CANCELLED, next_at=None)

    assert places == [["due"], *[["polls"]] * 4, *[["due"]] * 2]
    assert where(client) == []


def where(client: redis.Redis) -> list[str]:
    names = ("due", "polls")
    return [name for name in names if client.zscore(f"phanedge:{name}", "x")]


def test_what_an_earlier_version_left_in_two_places_is_put_in_order(
    url: str, client: redis.Redis
) -> None:
    store = open_store(url)
    store.create(Ticket(id="x", since=1.0, stage=Stage.POLLING, next_at=1.0))
    client.zrem("phanedge:polls", "x")
    client.zadd("phanedge:due", {"x": 1.0})

    assert store.overdue(LATER, 9, but=Stage.POLLING) == []
    assert where(client) == ["polls"]
    assert [ticket.id for ticket in store.claim_due(LATER, 20.0, 9)] == ["x"]


def test_what_is_overdue_comes_oldest_first_from_both_places(url: str) -> None:
    store = open_store(url)
    for number in range(9):
        stage = Stage.POLLING if number % 2 else Stage.SAVING
        store.create(Ticket(id=str(number), since=1.0, stage=stage, next_at=number))

    assert [ticket.id for ticket in store.overdue(LATER, 5)] == list("01234")
    assert len(store.overdue(LATER, 99)) == 9


NOW = 1_764_000_000.123456
ROUTE = {"queue": "phanedge", "root_id": "0" * 36, "reply_to": "0" * 36}


def test_the_primary_is_found_through_sentinel(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    port = free_port()
    conf = tmp_path / "sentinel.conf"
    watched = f"sentinel monitor cats 127.0.0.1 {redis_server.port} 1"
    conf.write_text(f"port {port}\nbind 127.0.0.1\ndir {tmp_path}\n{watched}\n")
    sentinel = Child(
        [redis_server.program, conf, "--sentinel"],
        tmp_path / "sentinel.log",
        cwd=Path(os.sep),
    )
    nobody = f"sentinel://127.0.0.1:{free_port()}"
    sentinel.start()
    try:
        sentinel.wait_for_log("+monitor master cats")
        database = redis_server.fresh_url().rpartition("/")[2]
        here = f"sentinel://127.0.0.1:{port}/{database}"
        store = open_store(f"{nobody}/{database};{here}?master_name=cats")

        assert store.create(Ticket(id="x", since=1.0))
        direct = open_store(redis_server.url(database))
        assert direct.read("x") == Ticket(id="x", since=1.0)
    finally:
        close_stores()
        sentinel.stop()


def test_more_tickets_are_counted_than_one_page_holds(url: str) -> None:
    store = open_store(url, remember=60)
    for number in range(1_050):
        store.create(Ticket(id=f"n{number}", since=1, next_at=number % 7))

    assert store.tally(0) == {"queued": (1_050, 150)}
