"""What every ticket store promises."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import Any

import pytest

from phanedge_celery.tickets import (
    FORMAT,
    Stage,
    Ticket,
    TicketMissing,
    TicketStore,
    TicketStoreUnavailable,
    TicketUnreadable,
)
from tests.processes import wait_for
from tests.racing import RACERS, Race, race
from tests.services.ticket_addresses import address, store

__all__ = ["address", "race", "store"]

NOW = 1_764_000_000.125
MESSAGE = {"task": "phanedge.poll_video", "args": ["1069"], "options": {"link": []}}


def ticket(id: str = "a", **known: Any) -> Ticket:
    return Ticket(id=id, **{"since": NOW, **known})


FULL = Ticket(
    id="full",
    version=7,
    stage=Stage.ENDING,
    key="order-42/1",
    request_sha256="0" * 64,
    model="MiniMax-Hailuo-2.3",
    resolution="768P",
    job_id="115334141465231360",
    platform_id="video_01JSGXXXXXXXXXXXXXXXXXX",
    file_id="205258526306433",
    save_to="",
    max_wait=0.1,
    retrieve=False,
    status="Processing",
    history={"Queueing": 0.1, "Processing": 61.2, "猫": 1e5},
    polls=3,
    errors={"auth": {"count": 2, "since": NOW}},
    error={"type": "AuthenticationFailed", "message": "无效的令牌", "code": None},
    video={},
    since=NOW,
    submitted_at=NOW + 1 / 3,
    ended_at=NOW + 2,
    deadline=NOW + 1800,
    next_at=NOW + 10,
    resends=2,
    message=MESSAGE,
)


def test_a_ticket_is_read_as_it_was_written(store: TicketStore) -> None:
    for written in (FULL, ticket("bare")):
        assert store.create(written)

        assert store.read(written.id) == written


def test_an_unknown_id_reads_as_none(store: TicketStore) -> None:
    assert store.read("nobody") is None


def test_a_second_ticket_of_an_id_is_not_written(store: TicketStore) -> None:
    store.create(ticket(job_id="first"))

    assert not store.create(ticket(job_id="second"))
    assert store.read("a") == ticket(job_id="first")


@pytest.mark.parametrize(
    "text", ["🎬 一只猫冲浪\n\t\x1f\"'\\", "猫" * 3_400, "/" * 10_000]
)
def test_any_text_survives(store: TicketStore, text: str) -> None:
    written = ticket(key=text, message={text: [text, [], {}, None, 0.1, 2**60]})
    store.create(written)
    advanced = store.advance("a", 1, stage=Stage.POLLING, status=text)

    assert advanced == replace(written, version=2, stage=Stage.POLLING, status=text)
    assert store.read("a") == advanced


def test_an_advance_returns_the_ticket_as_it_is_now(store: TicketStore) -> None:
    store.create(FULL)

    changes: dict[str, Any] = {
        "next_at": NOW + 99,
        "error": None,
        "errors": {},
        "retrieve": True,
    }
    advanced = store.advance("full", 7, stage=Stage.POLLING, polls=4, **changes)

    expected = replace(FULL, version=8, resends=0, stage=Stage.POLLING, polls=4)
    assert advanced == replace(expected, **changes)
    assert store.read("full") == advanced


def test_every_field_can_be_emptied_again(store: TicketStore) -> None:
    store.create(FULL)
    kept = {"id", "version", "stage", "since", "resends", "format"}
    blank = Ticket(id="full", version=8, stage=Stage.QUEUED, since=NOW)
    changes = {
        name: getattr(blank, name)
        for name in Ticket.__dataclass_fields__
        if name not in kept
    }

    assert store.advance("full", 7, stage=Stage.QUEUED, **changes) == blank
    assert store.read("full") == blank


def test_a_stale_version_advances_nothing(store: TicketStore) -> None:
    store.create(ticket(version=5))

    assert store.advance("a", 4, stage=Stage.FAILED) is None
    assert store.read("a") == ticket(version=5)


def test_a_message_ahead_of_its_row_advances_it_to_the_next_version(
    store: TicketStore,
) -> None:
    store.create(ticket(version=2))

    advanced = store.advance("a", 9, stage=Stage.POLLING)

    assert advanced is not None
    assert advanced.version == 10
    assert store.advance("a", 9, stage=Stage.POLLING) is None


def test_a_missing_row_is_told_apart_from_a_lost_race(store: TicketStore) -> None:
    with pytest.raises(TicketMissing):
        store.advance("nobody", 1, stage=Stage.POLLING)
    assert store.read("nobody") is None


def test_what_a_store_counts_itself_cannot_be_changed(store: TicketStore) -> None:
    store.create(ticket())

    for name in ("resends", "since", "format", "titel"):
        with pytest.raises(TypeError, match=name):
            store.advance("a", 1, stage=Stage.POLLING, **{name: 1})


def create(store: TicketStore, number: int) -> bool:
    return store.create(ticket(job_id=str(number)))


def advance(store: TicketStore, number: int) -> int | None:
    advanced = store.advance("a", 3, stage=Stage.POLLING, polls=number + 1)
    return advanced.polls if advanced else None


def test_one_of_twenty_processes_creates_a_ticket(address: str, race: Race) -> None:
    assert race(address, create).count(True) == 1


@pytest.mark.parametrize("version", [3, 1], ids=["on_time", "ahead_of_the_row"])
def test_one_of_twenty_processes_advances_a_ticket(
    address: str, store: TicketStore, race: Race, version: int
) -> None:
    store.create(ticket(version=version))

    won = [polls for polls in race(address, advance) if polls is not None]

    now = store.read("a")
    assert now is not None
    assert (won, now.version) == ([now.polls], 4)


def climb(store: TicketStore, number: int) -> int:
    """Advance three times, each time from what is there, and count the wins."""
    wins = 0
    while wins < 3:
        now = store.read("a")
        assert now is not None
        changes = {"next_at": time.time(), "message": {"from": number}}
        if store.advance("a", now.version, stage=Stage.POLLING, **changes):
            wins += 1
    return wins


def test_no_advance_is_lost_in_a_crowd(
    address: str, store: TicketStore, race: Race
) -> None:
    store.create(ticket())

    race(address, climb)

    now = store.read("a")
    assert now is not None
    assert now.version == 1 + 3 * RACERS


def test_a_touch_moves_what_is_due_and_nothing_else(store: TicketStore) -> None:
    store.create(ticket(version=3, next_at=NOW))

    assert store.touch("a", 3, NOW + 30)
    assert store.touch("a", 3, NOW + 60)
    expected = ticket(version=3, next_at=NOW + 60, resends=2)
    assert store.read("a") == expected
    assert store.overdue(NOW + 59, 10) == []
    assert store.overdue(NOW + 60, 10) == [expected]


@pytest.mark.parametrize("version", [2, 4])
def test_a_touch_speaks_for_one_version_only(store: TicketStore, version: int) -> None:
    store.create(ticket(version=3, next_at=NOW))

    assert not store.touch("a", version, NOW + 30)
    assert not store.touch("nobody", 1, NOW + 30)
    assert store.read("a") == ticket(version=3, next_at=NOW)


def test_an_advance_forgets_the_resends(store: TicketStore) -> None:
    store.create(ticket(next_at=NOW))
    store.touch("a", 1, NOW + 30)

    advanced = store.advance("a", 1, stage=Stage.POLLING)

    assert advanced == ticket(version=2, stage=Stage.POLLING, next_at=NOW + 30)


def test_what_is_overdue_comes_oldest_first(store: TicketStore) -> None:
    for id, wait in {"c": 3, "a": 1, "e": 5, "b": 2, "d": 4}.items():
        store.create(ticket(id, next_at=NOW + wait))
    store.create(ticket("never"))
    store.advance("b", 1, stage=Stage.DONE, next_at=None)

    assert [t.id for t in store.overdue(NOW + 4, 10)] == ["a", "c", "d"]
    assert [t.id for t in store.overdue(NOW + 4, 2)] == ["a", "c"]
    assert store.overdue(NOW, 10) == []


def test_jobs_are_listed_newest_first(store: TicketStore) -> None:
    for id, age in {"b": 2, "a": 1, "c": 3}.items():
        store.create(ticket(id, since=NOW - age))

    assert [t.id for t in store.jobs()] == ["a", "b", "c"]


def test_jobs_are_found_by_stage_error_and_age(store: TicketStore) -> None:
    failed = {"stage": Stage.FAILED, "error": {"type": "JobFailed", "message": "no"}}
    store.create(ticket("old", since=NOW - 9, **failed))
    store.create(ticket("new", **failed))
    store.create(ticket("runs", stage=Stage.POLLING))
    store.create(ticket("waits", stage=Stage.POLLING, error={"type": "RateLimited"}))

    def listed(**wanted: Any) -> set[str]:
        return {t.id for t in store.jobs(**wanted)}

    assert listed(stage=Stage.FAILED) == {"old", "new"}
    assert listed(error="JobFailed") == {"old", "new"}
    assert listed(error="RateLimited") == {"waits"}
    assert listed(since=NOW) == {"new", "runs", "waits"}
    assert listed(stage=Stage.FAILED, error="JobFailed", since=NOW) == {"new"}
    assert listed(stage=Stage.DONE) == set()


def test_a_long_listing_has_each_job_once(store: TicketStore) -> None:
    # More of one moment than a page holds, then some of another.
    expected = {f"{n:04d}": NOW if n < 450 else NOW + n for n in range(650)}
    for id, since in expected.items():
        store.create(ticket(id, since=since))

    listed = [(t.id, t.since) for t in store.jobs()]

    assert dict(listed) == expected
    assert len(listed) == len(expected)
    assert [since for _, since in listed] == sorted(expected.values(), reverse=True)


def test_what_was_over_is_purged(store: TicketStore) -> None:
    store.create(ticket("runs", stage=Stage.POLLING))
    store.create(ticket("young", stage=Stage.DONE, ended_at=NOW + 50))
    store.create(ticket("done", stage=Stage.DONE, ended_at=NOW + 5))
    store.create(ticket("unsettled", stage=Stage.CANCELLED, next_at=NOW))
    store.create(ticket("cancelled", stage=Stage.CANCELLED))

    assert store.purge(NOW) == 0
    assert store.purge(NOW + 10) == 2
    assert store.purge(NOW + 10) == 0
    assert {t.id for t in store.jobs()} == {"runs", "young", "unsettled"}
    assert store.create(ticket("done"))


def test_a_lease_is_its_owners_until_it_is_over(store: TicketStore) -> None:
    first = store.lease("watch", "w1", 60)

    assert first
    assert store.lease("watch", "w2", 60) is None
    assert store.lease("watch", "w1", 0.05) == first
    assert store.lease("other", "w2", 60)
    second = wait_for(lambda: store.lease("watch", "w2", 60), every=0.02)
    assert second
    assert second > first
    assert store.lease("watch", "w1", 60) is None


def test_a_lease_that_was_over_has_a_new_token(store: TicketStore) -> None:
    first = store.lease("watch", "w1", 0.03)
    time.sleep(0.06)

    second = store.lease("watch", "w1", 60)

    assert first is not None
    assert second is not None
    assert second > first


def test_a_lease_from_before_the_clock_was_set_back_is_over(
    store: TicketStore,
) -> None:
    first = store.lease("watch", "w1", 3600)

    second = store.lease("watch", "w2", 10)

    assert first
    assert second
    assert second > first
    assert store.lease("watch", "w1", 10) is None


def test_what_waits_is_counted_by_stage_and_lateness(store: TicketStore) -> None:
    for id, stage, next_at in (
        ("a", Stage.POLLING, NOW),
        ("b", Stage.POLLING, NOW + 1),
        ("c", Stage.POLLING, NOW + 2),
        ("d", Stage.QUEUED, NOW + 9),
        ("e", Stage.DONE, None),
    ):
        store.create(ticket(id, stage=stage, next_at=next_at))

    assert store.tally(NOW + 1) == {"polling": (3, 2), "queued": (1, 0)}
    store.advance("a", 1, stage=Stage.FAILED, next_at=None)
    assert store.tally(NOW) == {"polling": (2, 0), "queued": (1, 0)}


def test_the_last_of_a_kind_are_remembered_in_their_order(store: TicketStore) -> None:
    assert store.took("MiniMax-Hailuo-02 768P") == []
    for seconds in (120.5, 90.0, 100.1, 130.0):
        store.note("MiniMax-Hailuo-02 768P", seconds, 3)
    store.note("猫 '\"", 1.0, 3)

    assert store.took("MiniMax-Hailuo-02 768P") == [90.0, 100.1, 130.0]
    assert store.took("猫 '\"") == [1.0]


def take_lease(store: TicketStore, number: int) -> int | None:
    return store.lease("watch", f"w{number}", 60)


def test_one_of_twenty_processes_takes_a_lease(address: str, race: Race) -> None:
    assert race(address, take_lease).count(None) == RACERS - 1


def test_a_ticket_of_a_newer_format_is_left_alone_and_named(
    store: TicketStore, caplog: pytest.LogCaptureFixture
) -> None:
    newer = ticket("newer", format=FORMAT + 1, version=2, next_at=NOW)
    store.create(newer)
    store.create(ticket("ours", next_at=NOW + 1))

    with pytest.raises(TicketUnreadable, match=f"newer has format {FORMAT + 1}"):
        store.read("newer")
    with pytest.raises(TicketUnreadable):
        store.advance("newer", 2, stage=Stage.FAILED)
    assert not store.touch("newer", 2, NOW + 99)
    assert not store.create(ticket("newer"))
    assert [t.id for t in store.overdue(NOW + 9, 1)] == ["ours"]
    with caplog.at_level(logging.WARNING):
        assert [t.id for t in store.jobs()] == ["ours"]
    assert "newer has format" in caplog.text


def test_an_ended_ticket_of_a_newer_format_is_not_purged(store: TicketStore) -> None:
    store.create(ticket("newer", format=FORMAT + 1, stage=Stage.DONE, ended_at=NOW))

    assert store.purge(NOW + 99) == 0


def test_a_step_takes_an_unreadable_ticket_for_a_store_that_is_away() -> None:
    assert issubclass(TicketUnreadable, TicketStoreUnavailable)


def test_a_closed_store_opens_again(store: TicketStore) -> None:
    store.create(ticket())
    store.close()

    assert store.read("a") == ticket()
