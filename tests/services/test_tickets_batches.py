"""What every ticket store promises of many tickets at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from phanedge_celery.tickets import FORMAT, Stage, Ticket, TicketStore
from tests.racing import RACERS, Race, race
from tests.services.ticket_addresses import address, store

__all__ = ["address", "race", "store"]

NOW = 1_764_000_000.125
UNTIL = NOW + 500


def ticket(id: str = "a", **known: Any) -> Ticket:
    return Ticket(id=id, **{"since": NOW, "stage": Stage.POLLING, **known})


def claimed(
    store: TicketStore, before: float, limit: int = 100, **options: Any
) -> list[str]:
    return sorted(t.id for t in store.claim_due(before, UNTIL, limit, **options))


def test_a_claim_takes_what_is_due_for_longest(store: TicketStore) -> None:
    for id, wait in {"c": 3, "a": 1, "e": 5, "b": 2, "d": 4}.items():
        store.create(ticket(id, next_at=NOW + wait))
    store.create(ticket("never"))

    assert claimed(store, NOW) == []
    assert claimed(store, NOW + 4, 2) == ["a", "b"]
    assert claimed(store, NOW + 4, 9) == ["c", "d"]
    assert claimed(store, NOW + 4, 9) == []
    assert claimed(store, NOW + 5, 9) == ["e"]


def test_a_claim_moves_the_moment_and_nothing_else(store: TicketStore) -> None:
    before = ticket(version=4, next_at=NOW, resends=2, job_id="1069", polls=3)
    store.create(before)

    [taken] = store.claim_due(NOW, UNTIL, 1)

    assert taken == store.read("a")
    assert taken.next_at == pytest.approx(UNTIL, abs=0.01)
    assert replace(taken, next_at=NOW) == before


def test_a_claim_that_is_over_can_be_taken_again(store: TicketStore) -> None:
    store.create(ticket(next_at=NOW))
    store.claim_due(NOW, NOW + 20, 1)

    assert claimed(store, NOW + 19) == []
    assert claimed(store, NOW + 21) == ["a"]


@pytest.mark.parametrize("stage", [s for s in Stage if s is not Stage.POLLING])
def test_no_other_stage_is_claimed(store: TicketStore, stage: Stage) -> None:
    store.create(ticket(stage=stage, next_at=NOW))
    store.create(ticket("moved", next_at=NOW))
    store.advance("moved", 1, stage=stage, next_at=NOW)

    assert claimed(store, NOW + 9) == []
    assert store.next_poll() is None
    store.advance("a", 1, stage=Stage.POLLING)
    assert store.next_poll() == NOW
    assert claimed(store, NOW + 9) == ["a"]


def test_a_touch_puts_a_claim_off(store: TicketStore) -> None:
    store.create(ticket(next_at=NOW))
    store.touch("a", 1, NOW + 30)

    assert claimed(store, NOW + 29) == []
    assert store.next_poll() == NOW + 30
    assert claimed(store, NOW + 30) == ["a"]


def test_those_past_their_deadline_are_claimed_alone(store: TicketStore) -> None:
    for number in range(30):
        store.create(ticket(f"young{number}", next_at=NOW, deadline=NOW + 99))
    store.create(ticket("open", next_at=NOW))
    store.create(ticket("late", next_at=NOW + 1, deadline=NOW + 1))

    assert claimed(store, NOW + 2, 5, late_only=True) == ["late"]
    assert len(claimed(store, NOW + 2)) == 31


def test_the_next_poll_is_the_earliest_of_all_that_wait(store: TicketStore) -> None:
    assert store.next_poll() is None
    for id, wait in {"b": 2, "a": 1}.items():
        store.create(ticket(id, next_at=NOW + wait))
    store.create(ticket("queued", stage=Stage.QUEUED, next_at=NOW))

    assert store.next_poll() == NOW + 1
    store.advance("a", 1, stage=Stage.DONE, next_at=None)
    assert store.next_poll() == NOW + 2


def test_a_stage_can_be_left_out_of_what_is_overdue(store: TicketStore) -> None:
    for number in range(9):
        store.create(ticket(f"polling{number}", next_at=NOW))
    store.create(ticket("saving", stage=Stage.SAVING, next_at=NOW + 1))

    assert [t.id for t in store.overdue(NOW + 1, 2, but=Stage.POLLING)] == ["saving"]
    assert len(store.overdue(NOW + 1, 20)) == 10


def test_many_advances_are_each_carried_out_or_not(store: TicketStore) -> None:
    store.create(ticket("b", version=3))
    store.create(ticket("a"))
    store.create(ticket("ahead", version=9))
    store.create(ticket("newer", format=FORMAT + 1))
    changes = {"polls": 1, "next_at": NOW + 10, "errors": {}, "error": None}

    ids = {"b": 3, "ahead": 8, "a": 1, "nobody": 1, "newer": 1}
    moves = [(id, version, Stage.POLLING, changes) for id, version in ids.items()]
    b, ahead, a, nobody, newer = store.advance_many(moves)

    assert b == ticket("b", version=4, polls=1, next_at=NOW + 10)
    assert a == ticket("a", version=2, polls=1, next_at=NOW + 10)
    assert (ahead, nobody, newer) == (None, None, None)
    assert store.read("a") == a
    assert store.read("ahead") == ticket("ahead", version=9)
    assert store.advance_many([]) == []


def test_a_ticket_of_a_newer_format_is_not_claimed(store: TicketStore) -> None:
    store.create(ticket("newer", format=FORMAT + 1, next_at=NOW))
    store.create(ticket("ours", next_at=NOW + 1))

    assert claimed(store, NOW + 9, 1) == ["ours"]


def claim_all(store: TicketStore, number: int) -> list[str]:
    found: list[str] = []
    while batch := store.claim_due(NOW + 200, UNTIL, 7):
        found += [ticket.id for ticket in batch]
    return found


def test_of_twenty_processes_one_claims_each_ticket(
    store: TicketStore, address: str, race: Race
) -> None:
    for number in range(200):
        store.create(ticket(f"{number:03d}", next_at=NOW + number))

    taken = [id for found in race(address, claim_all) for id in found]
    taken += claim_all(store, RACERS)

    assert sorted(taken) == [f"{number:03d}" for number in range(200)]


def advance_all(store: TicketStore, number: int) -> list[bool]:
    moves = [
        (f"{n}", 1, Stage.POLLING, {"polls": 1})
        for n in (range(30) if number % 2 else reversed(range(30)))
    ]
    written = store.advance_many(moves)
    return [t is not None for t in (written if number % 2 else reversed(written))]


def test_of_twenty_processes_one_advances_each_ticket(
    store: TicketStore, address: str, race: Race
) -> None:
    for number in range(30):
        store.create(ticket(f"{number}"))

    won = race(address, advance_all)

    assert [sum(each) for each in zip(*won, strict=True)] == [1] * 30
