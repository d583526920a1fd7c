"""A site that things are done to: a fake, an app, and workers that can be hurt."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from celery import Celery, signature
from celery.canvas import Signature

from phanedge_celery import results
from phanedge_celery.testing import FakePhanEdge, Timeline
from phanedge_celery.testing.timelines import Step
from phanedge_celery.tickets import Ticket, TicketStore, store_for
from tests.apps.plain import environment, make_app, recorded
from tests.charges import FOLDER, Charges
from tests.workers import WorkerProcess, wait_for

EVERY: Final = 0.5
PACE: Final = {
    "first": EVERY,
    "every": EVERY,
    "jitter": 0,
    "retry_first": 0.2,
    "retry_max": 1,
    "limited_first": 0.5,
}
WATCH: Final = {"period": 1, "grace": 3}
"""A watch that is quick, but not so quick that a busy machine looks overdue."""

ASKING: Final = {
    "period": 1,
    "grace": 15,
    "polls_every": 0.5,
    "turn": 0.5,
    "turn_lease": 2,
    "claim": 3,
    "patience": 2.5,
}
"""A watch that asks for the jobs itself, and soon."""

TIMELINE: Final = Timeline.seconds(queueing=0.7, processing=1.5)
"""By seconds: one by polls would end the sooner for a fork, and so hide it."""

CONF: Final = {"worker_lost_wait": 0.2, "task_track_started": False}


@dataclass(kw_only=True)
class Site:
    """One broker, one place for results and tickets, a fake, and any workers."""

    fake: FakePhanEdge
    folder: Path
    broker: str
    backend: str
    pace: Mapping[str, float] = field(default_factory=lambda: PACE)
    watch: Mapping[str, float] = field(default_factory=lambda: WATCH)
    conf: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        mines = self.folder / f"charges-{uuid4().hex[:8]}"
        mines.mkdir()
        self.charges = Charges(mines)
        self.record = self.folder / f"record-{uuid4().hex[:8]}"
        conf: dict[str, Any] = {"phanedge_api_key": self.fake.key, **CONF, **self.conf}
        self.env = environment(
            broker=self.broker,
            backend=self.backend,
            base_url=self.fake.url,
            schedule=self.pace,
            record=self.record,
            **conf,
        ) | {FOLDER: str(mines), "PHANEDGE_TEST_WATCH": json.dumps(self.watch)}
        self.app: Celery = make_app(self.env)

    def worker(self, concurrency: int = 2, **options: Any) -> WorkerProcess:
        """Return a worker of this site, not yet started."""
        return WorkerProcess(
            self.env, module="tests.apps.deadly", concurrency=concurrency, **options
        )

    @property
    def store(self) -> TicketStore:
        return store_for(self.app)

    def ticket(self, id: str) -> Ticket:
        ticket = self.store.read(id)
        assert ticket is not None, f"no ticket {id}"
        return ticket

    def request(self, *steps: Step | Timeline) -> dict[str, Any]:
        """Return a request of its own prompt, whose job tells *steps*."""
        prompt = f"A cat, {uuid4().hex[:8]}."
        self.fake.script(*(steps or (TIMELINE,)), prompt=prompt)
        return {"model": "MiniMax-Hailuo-02", "prompt": prompt}

    def s(self, name: str, *args: Any, **kwargs: Any) -> Signature:
        return signature(name, args, kwargs, app=self.app)

    def note(self, label: str) -> Signature:
        """Return a callback whose runs are counted by `noted`."""
        return self.s("tests.record", label=label).set(immutable=True)

    def noted(self, label: str) -> int:
        return len(recorded(self.record, label))

    def posts_of(self, request: Mapping[str, Any]) -> int:
        return self.fake.posts_by("prompt").get(request["prompt"], 0)

    def job_of(self, request: Mapping[str, Any]) -> str | None:
        """Return the id of the job made for *request*; the fake made it, or not."""
        made = [p.job_id for p in self.fake.posts if p.prompt == request["prompt"]]
        return next((job_id for job_id in made if job_id), None)

    def state(self, id: str) -> str:
        return results.stored(self.app, id)[0]

    def result(self, id: str) -> Any:
        """Return what is stored; an `AsyncResult` would outlive the server."""
        return results.stored(self.app, id)[1]

    def has_ended(self, id: str) -> bool:
        """Has the job ended, in the ticket as in the result?"""
        ticket = self.store.read(id)
        return bool(ticket and ticket.stage.ended and ticket.next_at is None)

    def await_end(self, *ids: str, timeout: float = 40) -> None:
        wait_for(
            lambda: all(self.has_ended(id) for id in ids),
            timeout,
            what=lambda: "\n".join(map(self.tell, ids)),
        )

    def tell(self, id: str) -> str:
        """Return where a job is, for who reads of a failure."""
        ticket = self.store.read(id)
        if ticket is None:
            return f"{id}: no ticket"
        when = ticket.next_at and f"due in {ticket.next_at - time.time():.1f} s"
        return (
            f"{id}: {ticket.stage} v{ticket.version} {when} resends {ticket.resends}"
            f" polls {ticket.polls} state {self.state(id)} error {ticket.error}"
        )

    def let_lease_end(self, id: str) -> None:
        """Put what is claimed where the watch finds it, as if its lease were over."""
        ticket = self.ticket(id)
        assert self.store.touch(id, ticket.version, ticket.since - 3600)


def twins(fake: FakePhanEdge, job_id: str, every: float = EVERY) -> int:
    """Count the queries of a job that came too soon after another.

    A line of polls waits *every* seconds between two; each that comes well before
    that was asked by a second copy. A fork gives one such with each poll.
    """
    times = [entry.at for entry in fake.log("query") if entry.job_id == job_id]
    return sum(later - sooner < 0.7 * every for sooner, later in pairwise(times))
