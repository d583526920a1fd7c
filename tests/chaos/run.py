"""Runs plans: `python -m tests.chaos.run --seed 1 --jobs 300 --fault kill-children`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from phanedge_celery import resume_video
from phanedge_celery.settings import settings_for
from phanedge_celery.steps import submit_lease
from phanedge_celery.tickets import Stage, store_for
from tests.chaos.actors import Cast, cast_for
from tests.chaos.audit import READY, UNKNOWN
from tests.chaos.deeds import strike_all
from tests.chaos.facts import gather, rows
from tests.chaos.faults import FAULTS
from tests.chaos.jobs import Book, place_all
from tests.chaos.observer import Observer, metas, state_of
from tests.chaos.plan import PACES, Pace, Plan, make_plan, random_faults
from tests.chaos.report import HEAD, Report, report_on, row, write

KILLS = ("kill-children", "kill-workers")
STILL = 300.0
"""Seconds without an end after which nobody waits any longer."""
NEVER_BEGINS = 45.0
"""The same, when only canvases are left whose first message is gone."""
FILE_SIZE = 200_000


def run(plan: Plan, without: Report | None = None, logs: Path | None = None) -> Report:
    """Carry *plan* out, and judge it by the same plan *without* faults."""
    cast_of = cast_for(
        plan.broker,
        PACES[plan.pace],
        plan.seed,
        newer="two-formats" in plan.faults,
        clocks=any(name.startswith("clock-") for name in plan.faults),
    )
    with cast_of as cast:
        cast.fake.files(size=FILE_SIZE)
        begun = time.monotonic()
        blows = cast.hands.submit(strike_all, cast, plan.blows, begun)
        book = Book()
        observer = Observer(cast.results, book, begun)
        observer.start()
        place_all(plan, cast.app, cast.fake, begun, book)
        blows.result()
        settle(cast, book, observer, PACES[plan.pace])
        observer.stop()
        (cast.switches / "double").unlink(missing_ok=True)
        facts = gather(plan, cast, book, observer, begun)
        if logs:
            logs.mkdir(parents=True, exist_ok=True)
            (logs / f"{plan.broker}-{plan.name}.log").write_text(cast.crew.log())
        return report_on(
            plan,
            facts,
            took=time.monotonic() - begun,
            hurt=cast.crew.count,
            refused=book.refused,
            without=without,
        )


def settle(cast: Cast, book: Book, observer: Observer, pace: Pace) -> None:
    """Wait until all has ended, or nothing moves any more; resume what can be."""
    resumed: set[str] = set()
    left, since = -1, time.monotonic()
    while (open_ := unended(cast, book)) or _resume(cast, book, observer, resumed):
        if len(open_) != left:
            left, since = len(open_), time.monotonic()
        if time.monotonic() - since > (STILL if any(open_.values()) else NEVER_BEGINS):
            break
        _resume(cast, book, observer, resumed)
        end_leases(cast, open_, pace.lease)
        time.sleep(0.5)
    # Callbacks and tails of canvases, and the polls of a line too many.
    _await_tails(cast, book)
    time.sleep(2 * pace.every)
    observer.look()


def unended(cast: Cast, book: Book) -> dict[str, bool]:
    """Return the ids that have not ended, each with whether it has begun."""
    ids = [job.id for job in book.placed]
    texts = metas(cast.results, ids)
    found = zip(ids, rows(cast.tickets, ids), map(state_of, texts), strict=True)
    return {
        id: row.stage is not None or state != "PENDING"
        for id, row, state in found
        if not (row.ended and state in READY)
    }


def end_leases(cast: Cast, ids: Iterable[str], lease: float | None) -> None:
    """Let the POSTs that went unanswered for *lease* seconds be given up."""
    store, now = store_for(cast.app), time.time()
    for id in ids if lease else ():
        ticket = store.read(id)
        if ticket and ticket.stage is Stage.SUBMITTING and not ticket.resends:
            claimed = (ticket.next_at or now) - submit_lease(settings_for(cast.app))
            if now - claimed > (lease or 0):
                store.touch(id, ticket.version, now - 3600)


def _resume(cast: Cast, book: Book, observer: Observer, resumed: set[str]) -> bool:
    """Resume, once each, what has failed resumably; say whether anything was."""
    failed = [
        job.id
        for job in book.placed
        if (ends := observer.ends.get(job.id)) and job.id not in resumed
        if ends[-1][1] not in (UNKNOWN, *READY)
    ]
    for id in failed:
        resumed.add(id)
        resume_video(id, app=cast.app)
    return bool(failed)


def _await_tails(cast: Cast, book: Book) -> None:
    until = time.monotonic() + 30
    tails = [job.tail for job in book.placed if job.tail]
    while time.monotonic() < until:
        if all(state_of(text) in READY for text in metas(cast.results, tails)):
            return
        time.sleep(0.5)


def plans(asked: argparse.Namespace) -> Iterator[Plan]:
    """Yield the plans asked for, each broker's one without faults first."""
    for broker in asked.broker:
        for jobs, faults in _faults(asked):
            yield make_plan(
                seed=asked.seed,
                jobs=jobs,
                broker=broker,
                faults=faults,
                rate=asked.rate,
                pace=asked.pace,
            )


def _faults(asked: argparse.Namespace) -> Iterator[tuple[int, tuple[str, ...]]]:
    if asked.fault:
        yield from ((asked.jobs, tuple(given.split("+"))) for given in asked.fault)
        return
    yield asked.jobs, KILLS
    if not asked.quick:
        yield from ((asked.jobs_each, (name,)) for name in FAULTS)
        each = random_faults(asked.seed, asked.random)
        yield from ((asked.jobs_each, names) for names in each)


def arguments(given: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.run")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1000, help="under the kills")
    parser.add_argument("--jobs-each", type=int, default=150, help="under each fault")
    parser.add_argument("--rate", type=float, default=4, help="jobs a second")
    parser.add_argument("--pace", choices=list(PACES), default="fifth")
    parser.add_argument("--broker", action="append", choices=["redis", "rabbitmq"])
    parser.add_argument("--fault", action="append", help="a name, or names with +")
    parser.add_argument("--random", type=int, default=5, help="combinations")
    parser.add_argument("--quick", action="store_true", help="300 jobs, kills alone")
    parser.add_argument("--out", type=Path, default=Path("build/chaos"))
    asked = parser.parse_args(given)
    asked.broker = asked.broker or ["redis", "rabbitmq"]
    asked.jobs = min(asked.jobs, 300) if asked.quick else asked.jobs
    return asked


def main(given: Sequence[str]) -> int:
    """Run what is asked for, print the table; 1 if anything is to blame."""
    asked, usual, blamed = arguments(given), dict[tuple[str, int], Report](), 0
    print(HEAD)
    for plan in plans(asked):
        kind = (plan.broker, plan.jobs)
        if kind not in usual:
            calm = make_plan(
                seed=plan.seed,
                jobs=plan.jobs,
                broker=plan.broker,
                rate=asked.rate,
                pace=plan.pace,
            )
            usual[kind] = run(calm, logs=asked.out)
            blamed += _tell(usual[kind], asked.out)
        blamed += _tell(run(plan, usual[kind], logs=asked.out), asked.out)
    return 1 if blamed else 0


def _tell(report: Report, folder: Path) -> int:
    print(row(report), flush=True)
    for finding in report.blamed:
        print(f"    {finding}", flush=True)
    write(report, folder)
    return len(report.blamed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
