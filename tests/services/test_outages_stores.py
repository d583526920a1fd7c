"""Ticket store or result backend away, frozen, emptied: every job goes on.

All sites are hurt at once, by one fault after another, so that their waits overlap.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Final

import pytest
from celery import states

from phanedge_celery.testing import FakePhanEdge
from tests.conftest import running
from tests.ordeals import PATIENCE, Ordeal, at_once, ordeal, start
from tests.servers import RabbitServer, RedisServer
from tests.workers import wait_for

pytestmark = pytest.mark.timeout(900)

STACKS: Final = ("redis", "quorum-threads")
JOBS: Final = 4


@dataclass(kw_only=True)
class Hurt:
    """The sites, what they stand on, and what has been seen of them so far."""

    results: RedisServer
    tickets: RedisServer
    away: float
    ordeals: dict[str, Ordeal]
    stuck: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    """The jobs that did not go on, by fault and site."""
    complaints: dict[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)
    polled_meanwhile: dict[str, list[str]] = field(default_factory=dict)
    """The jobs that were not polled while the results were away, by site."""
    ended: dict[str, str] = field(default_factory=dict)
    """A job of each site that ends while the results are away."""
    closed_early: dict[str, bool] = field(default_factory=dict)

    def let_one_end(self, name: str) -> None:
        one = self.ordeals[name]
        self.ended[name] = id = next(iter(one.jobs))
        one.site.fake.script("Success", job=one.jobs[id])

    def look_at_the_end(self, name: str) -> None:
        """Note whether a job is taken for told, although nobody could be told."""
        one, id = self.ordeals[name], self.ended[name]
        wait_for(lambda: one.site.ticket(id).status == "Success", 20)
        self.closed_early[name] = one.site.ticket(id).stage.ended
        del one.jobs[id]


def tickets_away(hurt: Hurt) -> None:
    hurt.tickets.save()
    hurt.tickets.stop()
    time.sleep(hurt.away)
    hurt.tickets.start()


def tickets_frozen(hurt: Hurt) -> None:
    hurt.tickets.pause()
    time.sleep(hurt.away)
    hurt.tickets.resume()


def tickets_flushed(hurt: Hurt) -> None:
    hurt.tickets.flush()


def results_away(hurt: Hurt) -> None:
    hurt.results.save()
    hurt.results.stop()
    until = time.monotonic() + hurt.away
    for name, one in hurt.ordeals.items():
        hurt.polled_meanwhile[name] = one.waits_for(2, one.polls(), 20)
        hurt.let_one_end(name)
    time.sleep(max(until - time.monotonic(), 2))
    for name in hurt.ordeals:
        hurt.look_at_the_end(name)
    hurt.results.start()


FAULTS: Final[Mapping[str, Callable[[Hurt], None]]] = {
    "tickets_away": tickets_away,
    "tickets_frozen": tickets_frozen,
    "tickets_flushed": tickets_flushed,
    "results_away": results_away,
}


def hurt_all(hurt: Hurt) -> None:
    for fault, does in FAULTS.items():
        does(hurt)
        until = time.monotonic() + PATIENCE
        since = {name: one.polls() for name, one in hurt.ordeals.items()}
        for name, one in hurt.ordeals.items():
            left = max(until - time.monotonic(), 0.1)
            hurt.stuck[fault, name] = one.waits_for(2, since[name], left)
            hurt.complaints[fault, name] = one.complaints()


LENGTHS: Final = (
    pytest.param(8, id="8s"),
    pytest.param(30, id="30s", marks=pytest.mark.long),
)


@pytest.fixture(scope="module", params=LENGTHS)
def hurt(
    request: pytest.FixtureRequest,
    redis_server: RedisServer,
    rabbitmq_server: RabbitServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Hurt]:
    own = contextmanager(running)
    with ExitStack() as stack:
        results, tickets = (stack.enter_context(own(RedisServer)) for _ in range(2))
        fake = stack.enter_context(FakePhanEdge())
        ordeals = {
            name: ordeal(
                name,
                redis=redis_server,
                rabbit=rabbitmq_server,
                fake=fake,
                folder=tmp_path_factory.mktemp(name),
                results=results.fresh_url(),
                tickets=tickets.fresh_url(),
            )
            for name in STACKS
        }
        for one in ordeals.values():
            stack.callback(one.worker.close)
            stack.callback(one.worker.kill)
        start(ordeals.values())
        for one in ordeals.values():
            one.follow(JOBS)
            assert one.waits_for(1, one.polls(), 20) == []
        hurt = Hurt(
            results=results, tickets=tickets, away=request.param, ordeals=ordeals
        )
        hurt_all(hurt)
        at_once(Ordeal.end, ordeals.values())
        yield hurt


each_site = pytest.mark.parametrize("name", STACKS)
each_fault = pytest.mark.parametrize("fault", FAULTS)


@each_fault
@each_site
def test_every_job_goes_on(hurt: Hurt, fault: str, name: str) -> None:
    assert hurt.stuck[fault, name] == []


@each_fault
@each_site
def test_no_job_fails_meanwhile(hurt: Hurt, fault: str, name: str) -> None:
    assert hurt.complaints[fault, name] == {}


@each_site
def test_jobs_are_polled_while_results_are_away(hurt: Hurt, name: str) -> None:
    assert hurt.polled_meanwhile[name] == []


@each_site
def test_a_job_that_ends_while_results_are_away_is_told_once_they_are_back(
    hurt: Hurt, name: str
) -> None:
    one, id = hurt.ordeals[name], hurt.ended[name]
    one.site.await_end(id, timeout=PATIENCE)
    job_id = str(one.site.ticket(id).job_id)

    assert not hurt.closed_early[name]
    assert one.site.state(id) == states.SUCCESS
    assert one.site.result(id)["job_id"] == job_id
    wait_for(lambda: one.site.noted(f"{job_id}-link"), 20)
    assert one.site.noted(f"{job_id}-link") == 1
    assert one.site.noted(job_id) == 0


@each_site
def test_in_the_end_every_job_succeeds_and_its_link_is_called_once(
    hurt: Hurt, name: str
) -> None:
    hurt.ordeals[name].ends_well()


@each_site
def test_no_step_breaks_off_by_an_error_that_nobody_expected(
    hurt: Hurt, name: str
) -> None:
    assert hurt.ordeals[name].broken_off() == []


@each_site
def test_each_job_keeps_one_line_of_polls(hurt: Hurt, name: str) -> None:
    assert max(hurt.ordeals[name].twins().values()) <= len(FAULTS)
