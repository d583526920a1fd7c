"""Whatever is doubled, dropped, delayed or killed: one POST, one line, one end."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from phanedge_celery import cancel_video, enqueue_video, follow_video, resume_video
from phanedge_celery.results import STATES
from phanedge_celery.testing import FakePhanEdge, fail
from phanedge_celery.testing.timelines import Step
from phanedge_celery.tickets import FOLLOWED_BY, Stage
from tests.worker.deliveries import Fate, Message, Process
from tests.worker.room import Room

ENDS: Final[Mapping[str, Step]] = {
    "video": "Success",
    "failure": fail(1027, "output new_sensitive"),
}
KINDS = ("enqueued", "followed", "node")
NUMBERS = st.integers(0, 5)
FATES = st.sampled_from(Fate)


class Jobs(RuleBasedStateMachine):
    """Two jobs, their messages, and the processes that a schedule lets go on."""

    fake: ClassVar[FakePhanEdge]

    @initialize(
        kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=2),
        end=st.sampled_from(sorted(ENDS)),
    )
    def begin(self, kinds: list[str], end: str) -> None:
        self.room = Room(self.fake)
        self.end = end
        self.prompts: dict[str, str] = {}
        self.cancelled: set[str] = set()
        self.forgetful = False
        """Has anything been lost that only a ticket or a message knew?"""
        self.flushed = False
        self.kinds = {self._begin(kind): kind for kind in kinds}

    def _begin(self, kind: str) -> str:
        id = str(uuid4())
        app = self.room.app
        link, error = (
            app.signature("tests.heard", kwargs={"label": name}, immutable=True)
            for name in ("link", "error")
        )
        options: Any = {"task_id": id, "link": [link], "link_error": [error]}
        self.prompts[id] = prompt = f"A cat, {id}."
        request = {"model": "MiniMax-Hailuo-02", "prompt": prompt}
        if kind == "followed":
            job_id = self.fake.add_job("Processing", ENDS[self.end])
            follow_video(job_id, app=app, **options)
            return id
        self.fake.script("Processing", ENDS[self.end], prompt=prompt)
        if kind == "enqueued":
            enqueue_video(request, app=app, **options)
        else:
            task = app.tasks["phanedge.submit_video"]
            task.apply_async((request,), **options)
        return id

    # What processes do.

    @precondition(lambda self: self.room.queue)
    @rule(number=NUMBERS, calls=st.integers(0, 12))
    def deliver(self, number: int, calls: int) -> None:
        """Let a process take a message, and go on for some calls."""
        process = self.room.deliver(self._message(number))
        self._go(process, calls)

    @precondition(lambda self: self.room.processes)
    @rule(number=NUMBERS, fate=FATES, calls=st.integers(0, 12))
    def go_on(self, number: int, fate: Fate, calls: int) -> None:
        """Let a process meet with something, and go on for some calls more."""
        processes = self.room.processes
        process = processes[number % len(processes)]
        note(f"{process} {fate.value}")
        if fate in (Fate.DIES_AFTER, Fate.DIES_BEFORE):
            self.forgetful |= process.where == "broker"
        process.go(fate)
        self._go(process, calls)

    def _go(self, process: Process, calls: int) -> None:
        for _ in range(calls):
            if not process.over:
                process.go()

    # What the broker does.

    @precondition(lambda self: self.room.queue)
    @rule(number=NUMBERS, lost=st.booleans())
    def double_or_lose(self, number: int, lost: bool) -> None:
        message = self._message(number)
        if not lost:
            self.room.queue.append(message)
        elif not self._is_all_there_is(message.id):
            self.room.queue.remove(message)
            self.forgetful = True

    # What happens besides.

    @rule(what=st.sampled_from(["watch", "watch", "cancel", "resume", "flush"]))
    def happen(self, what: str) -> None:
        getattr(self, f"_{what}")()

    def _watch(self) -> None:
        self.room.watch()

    def _cancel(self) -> None:
        id = next(iter(self.kinds))
        if self.flushed:
            return
        if cancel_video(id, app=self.room.app)["stopped"] != "too_late":
            self.cancelled.add(id)

    def _resume(self) -> None:
        for id in self.kinds:
            if self.room.tickets.read(id):
                resume_video(id, app=self.room.app)

    def _flush(self) -> None:
        """Lose every ticket, but where no message says that there was one."""
        if "node" not in self.kinds.values():
            self.room.tickets.clear()
            self.flushed = self.forgetful = True

    def _is_all_there_is(self, id: str) -> bool:
        """Is a message of a canvas all that there is of the job?"""
        ticket = self.room.tickets.read(id)
        return self.kinds.get(id) == "node" and not (ticket and ticket.message)

    def _message(self, number: int) -> Message:
        return self.room.queue[number % len(self.room.queue)]

    # What must be true.

    @invariant()
    def one_line_is_live(self) -> None:
        if self.flushed:
            return
        for ticket in self.room.tickets.jobs():
            live = self.room.live(ticket.id)
            # A job that is ahead of its ticket waits to be adopted.
            ahead = ticket.stage in (Stage.SUBMITTING, Stage.ENDING, Stage.FAILED)
            assert len(live) <= (2 if ahead else 1), (ticket, live)

    @invariant()
    def one_post_was_made(self) -> None:
        posted = self.fake.posts_by("prompt")
        assert all(posted.get(prompt, 0) <= 1 for prompt in self.prompts.values())

    @invariant()
    def stages_follow_each_other_as_the_table_has_them(self) -> None:
        if self.flushed:
            # A ticket made again may have the version of one that was lost, and is
            # ended by whoever was about to end that one.
            return
        for before, after in self.room.tickets.seen:
            assert before is after or after in FOLLOWED_BY[before]

    def teardown(self) -> None:
        if not hasattr(self, "room"):
            return
        self.room.settle()
        self.one_post_was_made()
        for id in self.kinds:
            if not self._vanished(id):
                self._ended(id)

    def _vanished(self, id: str) -> bool:
        """A flushed ticket whose message was dropped: nobody knows of the job."""
        return self.flushed and self.room.tickets.read(id) is None

    def _ended(self, id: str) -> None:
        ticket = self.room.ticket(id)
        told = Counter(self._told(id))
        assert ticket.stage.ended, ticket
        assert self.room.app.AsyncResult(id).state == STATES[ticket.stage], ticket
        if ticket.stage is Stage.DONE:
            # A job that was adopted after its canvas had heard of a failure.
            assert told["link"] + told["error"] >= 1, ticket
        if ticket.stage is Stage.FAILED:
            assert told["error"] >= 1, ticket
        if ticket.stage is Stage.CANCELLED:
            assert id in self.cancelled
        elif not self.forgetful and id in self.room.accepted:
            unknown = (ticket.error or {}).get("type") == "SubmissionUnknown"
            assert not unknown, (ticket, self.room.accepted)

    def _told(self, id: str) -> Iterator[str]:
        for message in self.room.callbacks:
            if message.raw["headers"]["parent_id"] == id:
                yield message.label


many = os.environ.get("HYPOTHESIS_PROFILE") == "fuzz"


@pytest.mark.filterwarnings("ignore:Exception raised outside body")
@pytest.mark.timeout(0 if many else 400)
def test_whatever_happens_a_job_is_posted_once_and_ends(
    caplog: pytest.LogCaptureFixture,
) -> None:
    # Half of the time would go into lines that nobody reads.
    caplog.set_level(logging.CRITICAL)
    with FakePhanEdge() as fake:
        Jobs.fake = fake
        run_state_machine(Jobs)


def run_state_machine(machine: type[RuleBasedStateMachine]) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=5000 if many else 150,
            stateful_step_count=25,
            deadline=None,
            print_blob=True,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
