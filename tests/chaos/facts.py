"""The facts about each job, gathered from everybody who saw something of it."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from tests.apps.plain import recorded
from tests.chaos.actors import Cast
from tests.chaos.audit import READY, Facts, File, Post
from tests.chaos.faults import Blow
from tests.chaos.jobs import Book, Placed, prompt_of
from tests.chaos.observer import Observer, metas, state_of
from tests.chaos.plan import PACES, Plan

TROUBLED = ("upstream_", "double")
"""Deeds under which polls come as they come, for a while longer than they last."""

Window = tuple[float, float]


@dataclass(frozen=True)
class Row:
    """What a ticket says of itself, as Redis has it."""

    stage: str | None
    next_at: str | None

    @property
    def ended(self) -> bool:
        return self.stage in ("done", "failed", "cancelled") and not self.next_at


def rows(tickets: redis.Redis, ids: Sequence[str]) -> list[Row]:
    """Return each id's ticket, read past the package."""
    with tickets.pipeline(transaction=False) as pipeline:
        for id in ids:
            pipeline.hmget(f"phanedge:ticket:{id}", ["stage", "next_at"])
        found: list[list[str | None]] = pipeline.execute()
    return [Row(*values) for values in found]


def troubled(plan: Plan) -> list[Window]:
    """Return when the time between polls says nothing about lines of them."""
    longest = PACES[plan.pace].schedule.get("retry_max", 60)
    return [_window(blow, longest) for blow in plan.blows if _troubles(blow)]


def _troubles(blow: Blow) -> bool:
    return blow.deed.startswith(TROUBLED)


def _window(blow: Blow, longest: float) -> Window:
    lasting = blow.lasting or float("inf")
    return blow.at, blow.at + lasting + 2 * longest


def gather(
    plan: Plan, cast: Cast, book: Book, observer: Observer, begun: float
) -> list[Facts]:
    """Return the facts about every job that was placed."""
    return list(_Gathering(plan, cast, book, observer, begun).facts())


class _Gathering:
    def __init__(
        self, plan: Plan, cast: Cast, book: Book, observer: Observer, begun: float
    ) -> None:
        self.plan, self.cast, self.book, self.observer = plan, cast, book, observer
        ids = [job.id for job in book.placed]
        tails = [job.tail for job in book.placed if job.tail]
        texts = metas(cast.results, [*ids, *tails])
        self.states = dict(zip([*ids, *tails], map(state_of, texts), strict=True))
        self.rows = dict(zip(ids, rows(cast.tickets, ids), strict=True))
        self.heard = Counter(entry["label"] for entry in recorded(cast.record))
        self.posts = _posts(cast)
        self.polls = _polls(cast, troubled(plan), begun)

    def facts(self) -> Iterator[Facts]:
        for job in self.book.placed:
            yield self._facts(job)

    def _facts(self, job: Placed) -> Facts:
        ends = self.observer.ends.get(job.id, [])
        posts = self.posts.get(prompt_of(job.name), [])
        ended = job.leads and self._siblings_are(job, READY)
        succeeded = job.leads and self._siblings_are(job, ("SUCCESS",))
        return Facts(
            name=job.name,
            state=self.states[job.id],
            stage=self.rows[job.id].stage,
            ends=tuple(end for _, end in ends),
            posts=posts,
            polls=[at for post in posts for at in self.polls.get(post.job_id, [])],
            every=PACES[self.plan.pace].every,
            file=_file(self.cast, job, posts),
            heard=self.heard[job.note] if succeeded else None,
            tail=self.states[job.tail] if job.tail and ended else None,
            sent=job.sent,
            ended=ends[-1][0] if ends else None,
        )

    def _siblings_are(self, job: Placed, states: Sequence[str]) -> bool:
        """Are all jobs of its order, its own among them, in one of *states*?"""
        of_order = [one for one in self.book.placed if one.order is job.order]
        return all(self.states[one.id] in states for one in of_order)


def _posts(cast: Cast) -> Mapping[str | None, list[Post]]:
    found: dict[str | None, list[Post]] = defaultdict(list)
    for post in cast.fake.posts:
        found[post.prompt].append(Post(status=post.status, job_id=post.job_id))
    return found


def _polls(
    cast: Cast, windows: Sequence[Window], begun: float
) -> Mapping[str | None, list[float]]:
    found: dict[str | None, list[float]] = defaultdict(list)
    for entry in cast.fake.log("query"):
        at = entry.at - begun
        if entry.status == 200 and not any(a <= at <= b for a, b in windows):
            found[entry.job_id].append(at)
    return found


def _file(cast: Cast, job: Placed, posts: Sequence[Post]) -> File | None:
    if job.saved_as is None:
        return None
    made: list[Any] = [post.job_id for post in posts if post.job_id]
    whole = cast.fake.sha256(made[0]) if made else None
    return File(whole=whole, found=_digest(cast.videos / job.saved_as))


def _digest(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None
