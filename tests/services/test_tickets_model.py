"""Every store does what a dict of tickets would, whatever the order of calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from phanedge_celery.tickets import Stage, Ticket, TicketMissing, TicketStore
from tests.services.ticket_addresses import address, store

__all__ = ["address", "store"]

END_OF_TIME = 1e15

ids = st.sampled_from(["a", "b", "c"])
versions = st.integers(1, 6)
times = st.integers(0, 12).map(float) | st.floats(0, 4e9)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
scalars = st.none() | st.booleans() | st.integers() | texts | times
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)
    ),
    max_leaves=6,
)
mappings = st.none() | st.dictionaries(texts, values, max_size=4)
troubles = st.dictionaries(
    texts, st.fixed_dictionaries({"count": versions, "since": times}), max_size=2
)
stages = st.sampled_from(Stage)

CHANGES: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(
        ["key", "job_id", "file_id", "save_to", "status"], st.none() | texts
    ),
    **dict.fromkeys(["max_wait", "deadline", "next_at"], st.none() | times),
    **dict.fromkeys(["error", "video", "message"], mappings),
    "errors": troubles,
    "history": st.dictionaries(texts, times, max_size=3),
    "polls": st.integers(0, 10**6),
    "retrieve": st.booleans(),
}
changes = st.fixed_dictionaries({}, optional=CHANGES)


class Tickets(RuleBasedStateMachine):
    """One store beside a dict; `start` gives the store, with nothing in it."""

    start: Callable[[], TicketStore]

    @initialize()
    def begin(self) -> None:
        self.store = type(self).start()
        self.model: dict[str, Ticket] = {}

    def teardown(self) -> None:
        for id in self.model:
            self.store.advance(id, 10**6, stage=Stage.DONE, next_at=None)
        self.store.purge(END_OF_TIME)

    @rule(id=ids, stage=stages, version=versions, since=times, known=changes)
    def create(
        self, id: str, stage: Stage, version: int, since: float, known: dict[str, Any]
    ) -> None:
        new = Ticket(id=id, stage=stage, version=version, since=since, **known)

        assert self.store.create(new) is (id not in self.model)
        self.model.setdefault(id, new)

    @rule(id=ids, version=versions, stage=stages, known=changes)
    def advance(
        self, id: str, version: int, stage: Stage, known: dict[str, Any]
    ) -> None:
        before = self.model.get(id)
        if before is None:
            with pytest.raises(TicketMissing):
                self.store.advance(id, version, stage=stage, **known)
            return
        expected = None
        if before.version <= version:
            now = replace(before, version=version + 1, resends=0, stage=stage)
            expected = self.model[id] = replace(now, **known)

        assert self.store.advance(id, version, stage=stage, **known) == expected

    @rule(id=ids, version=versions, next_at=times)
    def touch(self, id: str, version: int, next_at: float) -> None:
        before = self.model.get(id)
        meant = before is not None and before.version == version

        assert self.store.touch(id, version, next_at) is meant
        if before is not None and meant:
            resends = before.resends + 1
            self.model[id] = replace(before, next_at=next_at, resends=resends)

    @rule(before=times, limit=st.integers(0, 3))
    def overdue(self, before: float, limit: int) -> None:
        found = self.store.overdue(before, limit)

        due = [t.next_at for t in self.model.values() if t.next_at is not None]
        expected = sorted(moment for moment in due if moment <= before)
        assert [t.next_at for t in found] == expected[:limit]
        assert all(self.model[t.id] == t for t in found)

    @rule(stage=st.none() | stages, since=st.none() | times)
    def jobs(self, stage: Stage | None, since: float | None) -> None:
        found = list(self.store.jobs(stage=stage, since=since))

        expected = [
            ticket
            for ticket in self.model.values()
            if stage in (None, ticket.stage) and ticket.since >= (since or 0)
        ]
        assert {t.id: t for t in found} == {t.id: t for t in expected}
        began = [t.since for t in found]
        assert began == sorted(began, reverse=True)

    @rule(before=times)
    def purge(self, before: float) -> None:
        over = [
            ticket.id
            for ticket in self.model.values()
            if ticket.stage.ended and ticket.next_at is None and ticket.since < before
        ]

        assert self.store.purge(before) == len(over)
        for id in over:
            del self.model[id]

    @invariant()
    def reads_are_true(self) -> None:
        for id in ("a", "b", "c"):
            assert self.store.read(id) == self.model.get(id)


@pytest.mark.timeout(600)  # a failure is shrunk on the real store
def test_a_store_behaves_like_a_dict_of_tickets(store: TicketStore) -> None:
    class Machine(Tickets):
        start = staticmethod(lambda: store)

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=40,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
