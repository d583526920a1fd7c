"""Delay and polls: how soon an end is seen, and how many queries that takes.

The delay is the time from the vendor's end of a job to the poll that finds it; live,
to the result in the result backend. Simulated are jobs of assumed durations, 22,500 in
nine rounds: our default, fixed waits, a doubling one, and the fewest polls that any
schedule could do with for the same mean delay, by dynamic programming over the known
distribution. Then a worker follows jobs of a fake, and the simulation says the same of
them. "Learned" is the first wait that follows from the user's own finished jobs.

Parts for `--only`: simulated, learned, live.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

from benchmarks import followed
from benchmarks.durations import ALL, ASSUMED, Job, drawn, memoryless
from benchmarks.measure import Asked, arguments, column, ratios
from benchmarks.optimum import Outcome, frontier, polls_at
from benchmarks.report import Report
from phanedge_celery import enqueue_video
from phanedge_celery.schedule import PollSchedule
from phanedge_celery.testing import FakePhanEdge, Timeline
from phanedge_celery.tickets import Ticket, store_for
from tests.apps.plain import environment, make_app
from tests.servers import RedisServer
from tests.workers import WorkerProcess, wait_for

OURS: Final = "ours, the default"
RULES: Final = {
    "fixed 5 s": followed.fixed(5),
    "fixed 10 s": followed.fixed(10),
    "fixed 20 s": followed.fixed(20),
    "doubling, 1 to 60 s": followed.doubling(1, 60),
}

KNOWN: Final = 100_000
Draw = Callable[[int, int], list[Job]]
OTHERWISE: Final[dict[str, Draw]] = {
    "they spread twice as wide": lambda many, seed: drawn(many, seed, wide=2),
    "they are memoryless": memoryless,
}
"""What durations might be, too."""


def main(given: Sequence[str] | None = None) -> int:
    asked = arguments(__doc__, given)
    report = Report("delay")
    for part in (simulated, learned, live):
        if asked.wants(part.__name__):
            part(asked, report)
    return report.conclude(asked)


def simulated(asked: Asked, report: Report) -> None:
    """Let every schedule follow the same jobs, round by round."""
    many = asked.size(full=2500, quick=1000, tiny=50)
    rounds = [drawn(many, seed) for seed in range(asked.rounds)]
    best = _best(drawn)
    taken = {
        name: [_told(follow(jobs), best) for jobs in rounds]
        for name, follow in _schedules().items()
    }
    for name, outcomes in taken.items():
        report.add(f"{name}: mean delay", "s", column(outcomes, "delay"))
        report.add(f"{name}: polls", "a job", column(outcomes, "polls"))
    for name, outcomes in taken.items():
        goal = {"at_most": 1.2} if name == OURS else {}
        share = ratios(column(outcomes, "polls"), column(outcomes, "fewest"))
        report.add(f"{name} / optimum: polls at its delay", "times", share, **goal)
    for what, draw in asked.size(full=OTHERWISE, quick=OTHERWISE, tiny={}).items():
        best, follow = _best(draw), _schedules()[OURS]
        outcomes = [_told(follow(draw(many, n)), best) for n in range(asked.rounds)]
        share = ratios(column(outcomes, "polls"), column(outcomes, "fewest"))
        report.add(f"{OURS} / optimum, if {what}", "times", share)
    report.say(ASSUMED)
    report.say(
        "Ours knows the kind of a job, and waits for 0.4 of its typical run first; the"
        " optimum knows more of how long jobs run, and asks little between the quick"
        " kinds and the slow ones. How much either saves hangs on how alike durations"
        " are, which is what is assumed."
    )
    report.say(
        f"Simulated: {many * asked.rounds:,} jobs. The optimum knows the distribution"
        " of all four kinds together, and nothing of a job but that it still runs."
    )


def _schedules() -> dict[str, Callable[[Sequence[Job]], Outcome]]:
    def ours(jobs: Sequence[Job]) -> Outcome:
        dice = random.Random(1)
        return followed.mean([followed.default(job, dice) for job in jobs])

    def by(waits: followed.Waits) -> Callable[[Sequence[Job]], Outcome]:
        return lambda jobs: followed.mean([followed.by(waits, j.seconds) for j in jobs])

    return {OURS: ours, **{name: by(waits) for name, waits in RULES.items()}}


def _best(draw: Draw) -> list[Outcome]:
    """Return what could be done at best for so distributed jobs.

    From far more jobs than are followed: few would let it know each one by its end.
    """
    return frontier([job.seconds for job in draw(KNOWN, 12345)])


def _told(outcome: Outcome, best: Sequence[Outcome]) -> dict[str, float]:
    return {**outcome._asdict(), "fewest": polls_at(best, outcome.delay)}


def learned(asked: Asked, report: Report) -> None:
    """Compare the first wait that is learned with the one that is not."""
    many = asked.size(full=300, quick=200, tiny=30)
    for factor, when in (
        (1.0, "as before"),
        (0.5, "durations halve"),
        (2.0, "durations double"),
    ):
        pairs = [
            followed.Learner(kind=kind).compare(factor, many, seed)
            for seed in range(asked.rounds)
            for kind in ALL
        ]
        for name, goal in (("delay", {"at_most": 1.05}), ("polls", {})):
            shares = [getattr(a, name) / getattr(b, name) for a, b in pairs]
            report.add(f"learned / default, {when}: {name}", "times", shares, **goal)
    report.say(
        f"Learned: fifty jobs of a kind are done, then {many} more follow, ten in"
        " flight; each kind and each round is one sample."
    )


def live(asked: Asked, report: Report) -> None:
    """Let a worker follow jobs of the fake, and the simulation the same ones."""
    pace = asked.size(full=3.0, quick=10.0, tiny=40.0)
    many = asked.size(full=30, quick=8, tiny=2)
    schedule = PollSchedule(
        first=round(30 / pace) or 1,
        every=max(round(10 / pace), 1),
        slow_after=600 / pace,
        slow_every=max(round(30 / pace), 1),
    )
    jobs = [job.seconds / pace for job in drawn(many, 7)]
    told = _followed_by_a_worker(schedule, jobs)
    repeats, dice = 50, random.Random(1)
    expected = followed.mean(
        [followed.ours(schedule, job, dice) for job in jobs * repeats]
    )
    found = followed.mean(told)
    share = found.polls / expected.polls
    report.add("live: polls", "a job", [one.polls for one in told])
    report.add("live / simulated: polls", "times", share, at_least=0.95, at_most=1.05)
    report.add("live: delay", "s", [one.delay for one in told])
    report.add("live - simulated: mean delay", "s", found.delay - expected.delay)
    report.say(
        f"Live: {many} jobs, {pace:g} times as fast as assumed, through one worker with"
        " threads on Redis. What the delay has over the simulated one is the way of a"
        " message, two calls over HTTP, and the storing of the result."
    )


def _followed_by_a_worker(
    schedule: PollSchedule, jobs: Sequence[float]
) -> list[Outcome]:
    with FakePhanEdge() as fake, RedisServer() as server:
        env = environment(
            broker=server.fresh_url(),
            backend=server.fresh_url(),
            base_url=fake.url,
            schedule=vars(schedule),
            phanedge_api_key=fake.key,
        )
        with (
            make_app(env) as app,
            WorkerProcess(env, pool="threads", concurrency=20),
        ):
            ids = [_enqueue(app, fake, number, job) for number, job in enumerate(jobs)]
            tickets = [_ended(app, id) for id in ids]
    return [_outcome(ticket, job) for ticket, job in zip(tickets, jobs, strict=True)]


def _enqueue(app: Any, fake: FakePhanEdge, number: int, job: float) -> str:
    prompt = f"Cat {number:04}."
    fake.script(Timeline.seconds(processing=job), prompt=prompt)
    request = {"model": "MiniMax-Hailuo-02", "prompt": prompt}
    return enqueue_video(request, app=app).id


def _ended(app: Any, id: str) -> Ticket:
    def ended() -> Ticket | None:
        ticket = store_for(app).read(id)
        return ticket if ticket and ticket.stage.ended else None

    ticket = wait_for(ended, 600, every=0.2, what=f"the end of {id}")
    assert ticket is not None
    return ticket


def _outcome(ticket: Ticket, job: float) -> Outcome:
    """Return what a job cost; its vendor's end is known from when it was submitted."""
    assert ticket.ended_at is not None
    assert ticket.submitted_at is not None
    return Outcome(ticket.ended_at - ticket.submitted_at - job, ticket.polls)


if __name__ == "__main__":
    sys.exit(main())
