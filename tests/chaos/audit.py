"""What went wrong with a job, told from facts alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import groupby, pairwise
from typing import Final

READY: Final = ("SUCCESS", "FAILURE", "REVOKED")
STAGES: Final = {"SUCCESS": "done", "FAILURE": "failed", "REVOKED": "cancelled"}
"""Where the ticket of a job in that state has to be."""

TOO_SOON: Final = 0.7
"""Of the wait between two polls: what comes sooner was asked by another line."""
A_STEP: Final = 3
"""So many polls in a row that came too soon are a second line, not a second copy."""

UNKNOWN: Final = "SubmissionUnknown"


class Wrong(Enum):
    """What an auditor may find."""

    LOST = "a job has no end"
    NEVER_BEGAN = "a canvas's job has not begun"
    TORN = "ticket and result do not agree"
    CHANGED = "an end was taken back"
    FAILED = "a job failed that could have been made"
    POSTED_TWICE = "more than one POST may have made a job"
    PAID_TWICE = "more than one job was made"
    TWO_LINES = "two lines of polls went on"
    HALF_A_FILE = "a file is not whole"
    UNHEARD = "a callback was not called"
    HEARD_AGAIN = "a callback was called again"
    HUNG = "a canvas hangs"


@dataclass(frozen=True, kw_only=True)
class Post:
    """One create that reached the service; *job_id* of the job that it made."""

    status: int | None
    job_id: str | None = None

    @property
    def may_have_made(self) -> bool:
        """Can the one who sent it not be sure that nothing was made?"""
        return self.job_id is not None or self.status is None or self.status < 400


@dataclass(frozen=True, kw_only=True)
class File:
    """The digest of what should lie there, and of what does; None: no file."""

    whole: str | None
    found: str | None


@dataclass(frozen=True, kw_only=True)
class Facts:
    """All that is known of one job, from outside of the package."""

    name: str
    state: str
    """Celery's word in the result backend."""
    stage: str | None
    """Of the ticket; None: there is none."""
    ends: tuple[str, ...] = ()
    """The ends that somebody saw who looked all the time, in order: `SUCCESS`,
    `REVOKED`, or the type of the error."""
    posts: Sequence[Post] = ()
    polls: Sequence[float] = ()
    """When each query came in a time without other trouble, by the service's clock."""
    every: float = 2
    """Seconds between two polls of one line."""
    file: File | None = None
    """None: none was asked for."""
    heard: int | None = None
    """How often its callback ran; None: it has none of its own."""
    tail: str | None = None
    """State of what comes after it in its canvas; None: nothing does."""
    sent: float = 0
    ended: float | None = None
    """When its end was seen; seconds of the run."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with one job."""

    wrong: Wrong
    name: str
    told: str

    def __str__(self) -> str:
        return f"{self.name}: {self.wrong.value}: {self.told}"


def audit(jobs: Sequence[Facts]) -> list[Finding]:
    """Return all that is wrong with *jobs*, job by job."""
    return [
        Finding(wrong, facts.name, told)
        for facts in jobs
        for wrong, look in LOOKS.items()
        for told in look(facts)
    ]


def lines_at_once(polls: Sequence[float], every: float) -> int:
    """Return for how many polls in a row a second line can be told from the first."""
    soon = [later - sooner < TOO_SOON * every for sooner, later in pairwise(polls)]
    # Two lines meet every second time: of two gaps that make a wait, one is short.
    waits = [any(pair) for pair in zip(soon, soon[1:] or soon, strict=False)]
    return max(
        (sum(1 for _ in run) for short, run in groupby(waits) if short), default=0
    )


def _lost(facts: Facts) -> Iterator[str]:
    if facts.state not in READY and not _never_began(facts):
        yield f"{facts.state}, ticket {facts.stage}"


def _never_began(facts: Facts) -> bool:
    return facts.state == "PENDING" and facts.stage is None and not facts.posts


def _not_begun(facts: Facts) -> Iterator[str]:
    if _never_began(facts):
        yield "no ticket, no result, no POST"


def _torn(facts: Facts) -> Iterator[str]:
    if facts.state in READY and STAGES[facts.state] != facts.stage:
        yield f"{facts.state}, ticket {facts.stage}"


def _changed(facts: Facts) -> Iterator[str]:
    for sooner, later in pairwise(facts.ends):
        if sooner == "SUCCESS":
            yield f"{sooner}, then {later}"


def _failed(facts: Facts) -> Iterator[str]:
    for end in facts.ends:
        if end not in (UNKNOWN, *READY):
            yield end


def _posted_twice(facts: Facts) -> Iterator[str]:
    sent = [post for post in facts.posts if post.may_have_made]
    if len(sent) > 1:
        yield f"{len(sent)} POSTs, answered by {[post.status for post in sent]}"


def _paid_twice(facts: Facts) -> Iterator[str]:
    made = {post.job_id for post in facts.posts if post.job_id}
    if len(made) > 1:
        yield f"{len(made)} jobs: {sorted(made)}"


def _two_lines(facts: Facts) -> Iterator[str]:
    length = lines_at_once(facts.polls, facts.every)
    if length > A_STEP:
        yield f"{length} of {len(facts.polls)} polls in a row came too soon"


def _half_a_file(facts: Facts) -> Iterator[str]:
    if facts.file is None:
        return
    if facts.state == "SUCCESS" and facts.file.found is None:
        yield "saved, but not there"
    elif facts.file.found not in (None, facts.file.whole):
        yield f"{facts.file.found} instead of {facts.file.whole}"


def _unheard(facts: Facts) -> Iterator[str]:
    if facts.heard == 0 and facts.state == "SUCCESS":
        yield "a success nobody heard of"


def _heard_again(facts: Facts) -> Iterator[str]:
    if facts.heard is not None and facts.heard > 1:
        yield f"{facts.heard} times"


def _hung(facts: Facts) -> Iterator[str]:
    if facts.state in READY and facts.tail and facts.tail not in READY:
        yield f"{facts.state}, and what comes after it {facts.tail}"


LOOKS: Final[dict[Wrong, Callable[[Facts], Iterator[str]]]] = {
    Wrong.LOST: _lost,
    Wrong.NEVER_BEGAN: _not_begun,
    Wrong.TORN: _torn,
    Wrong.CHANGED: _changed,
    Wrong.FAILED: _failed,
    Wrong.POSTED_TWICE: _posted_twice,
    Wrong.PAID_TWICE: _paid_twice,
    Wrong.TWO_LINES: _two_lines,
    Wrong.HALF_A_FILE: _half_a_file,
    Wrong.UNHEARD: _unheard,
    Wrong.HEARD_AGAIN: _heard_again,
    Wrong.HUNG: _hung,
}
