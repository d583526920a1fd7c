"""Jobs whose process is killed at one point of one step."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

from celery import chain, chord, states

from phanedge_celery import enqueue_video, resume_video
from phanedge_celery.testing import Timeline, fail
from phanedge_celery.tickets import Stage
from tests.faulty import Site
from tests.workers import wait_for

Point = tuple[str, str]
Case = tuple[str, str, str]
"""The shape of the canvas, the task, and the point of it."""

BEFORE_THE_POST: Final = ("submit_video", "begin"), ("submit_video", "read")
UNANSWERED: Final = ("submit_video", "claim"), ("submit_video", "http")
FOLLOWED: Final = (
    ("submit_video", "advance"),
    ("submit_video", "send"),
    ("poll_video", "begin"),
    ("poll_video", "read"),
    ("poll_video", "http"),
    ("poll_video", "advance"),
    ("poll_video", "send"),
    ("retrieve_file", "begin"),
    ("retrieve_file", "read"),
    ("retrieve_file", "http"),
)
ENDING: Final = (
    ("retrieve_file", "ending"),
    ("retrieve_file", "send"),
    ("retrieve_file", "stored"),
    ("retrieve_file", "closed"),
)
SAVING: Final = (
    ("retrieve_file", "advance"),
    ("save_file", "begin"),
    ("save_file", "read"),
    ("save_file", "http"),
    ("save_file", "advance"),
    ("save_file", "ending"),
    ("save_file", "send"),
    ("save_file", "stored"),
    ("save_file", "closed"),
)
FAILING: Final = (
    ("poll_video", "ending"),
    ("poll_video", "stored"),
    ("poll_video", "closed"),
)
POINTS: Final = (*BEFORE_THE_POST, *UNANSWERED, *FOLLOWED, *ENDING)
TOLD_IN_A_CANVAS: Final = {
    ("submit_video", "http"),
    ("submit_video", "advance"),
    ("poll_video", "advance"),
    ("poll_video", "send"),
    *ENDING,
    *FAILING,
}
"""Elsewhere a canvas is no more than something that the message carries."""

CLAIMED: Final = {
    **dict.fromkeys(UNANSWERED, Stage.SUBMITTING),
    **dict.fromkeys((*ENDING[:-1], *FAILING[:-1], *SAVING[5:-1]), Stage.ENDING),
    ("save_file", "advance"): Stage.SAVING,
}
"""What a killed process has claimed, so that its lease is to be waited for."""

PATIENCE: Final = 250
FAILS: Final = Timeline.seconds(processing=1, end=fail(1027, "output new_sensitive"))


@dataclass(frozen=True)
class Killed:
    """One job, and the point of the step at which it lost its process."""

    site: Site
    shape: str
    task: str
    point: str
    request: Mapping[str, Any]
    id: str
    tail: str
    """The id of what comes after it in its canvas; its own, where nothing does."""
    bought: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The requests of the jobs that are its link and its link_error."""

    @property
    def tailed(self) -> str:
        return f"{self.id}-tail"

    @property
    def job_id(self) -> str:
        job_id = self.site.job_of(self.request)
        assert job_id
        return job_id

    @property
    def retrieves(self) -> int:
        log = self.site.fake.log("retrieve")
        return sum(entry.job_id == self.job_id for entry in log)

    @property
    def polls(self) -> int:
        return self.site.fake.polls_of(self.job_id)

    def links(self) -> tuple[int, int]:
        """Return how often link, or the canvas's tail, and link_error have run."""
        good = self.tailed if self.shape in CANVASES else f"{self.id}-link"
        return self.site.noted(good), self.site.noted(f"{self.id}-error")

    def posts_of(self, kind: str) -> int:
        """Return how often the job was posted that is its link, or its link_error."""
        return self.site.posts_of(self.bought[kind])


CANVASES: Final = ("chain", "chord")


def begin(
    site: Site, shape: str, task: str, point: str, *steps: Any, enqueued: bool = False
) -> Killed:
    """Enqueue one job in a canvas of that shape, with a charge in its way.

    ``paid``: what comes after it is a job, too. ``saved``: its file is kept.
    ``adopted``: the job is found by a person, should it get lost. *enqueued*: it is
    no node but has a ticket from the first, so that its first message may be lost.
    """
    id, request = str(uuid4()), site.request(*steps)
    site.charges.lay(id, task, point)
    save_to: Any = {"save_to": f"{id}.mp4"} if shape == "saved" else {}
    job: Any = site.s("phanedge.submit_video", request, **save_to).set(task_id=id)
    tail = site.note(f"{id}-tail").set(task_id=f"tail-{id}")
    error = site.note(f"{id}-error")
    bought: dict[str, Any] = {}
    if shape == "chain":
        job.set(link_error=[error])
        chain(job, tail, app=site.app).apply_async()
    elif shape == "chord":
        job.set(link_error=[error])
        body: Any = site.s("tests.collect").set(task_id=f"tail-{id}")
        body.set(link=[site.note(f"{id}-tail")])
        chord([job, site.s("tests.other", 1)], app=site.app)(body)
    elif shape == "paid":
        bought = {kind: site.request() for kind in ("link", "link_error")}
        job.set(**{kind: [_buying(site, asked)] for kind, asked in bought.items()})
        job.apply_async()
    else:
        heard: Any = {"link": [site.note(f"{id}-link")], "link_error": [error]}
        if enqueued:
            enqueue_video(request, app=site.app, task_id=id, **save_to, **heard)
        else:
            job.apply_async(**heard)
    ending = f"tail-{id}" if shape in CANVASES else id
    return Killed(site, shape, task, point, request, id, ending, bought)


def _buying(site: Site, request: Mapping[str, Any]) -> Any:
    return site.s("phanedge.submit_video", request).set(immutable=True)


def begin_all(
    site: Site, cases: Iterable[Case], *, enqueued: bool = False
) -> dict[Case, Killed]:
    """Enqueue one job for each case: each waits for the others while it waits."""
    failing = {case: [FAILS] if case[1:] in FAILING else [] for case in cases}
    return {
        case: begin(site, *case, *steps, enqueued=enqueued)
        for case, steps in failing.items()
    }


def await_all(killed: Collection[Killed]) -> None:
    """Wait until all jobs have been killed, and have then ended."""
    site = next(iter(killed)).site
    wait_for(lambda: not site.charges.left(), PATIENCE, what=lambda: unstruck(site))
    for each in killed:
        hasten(each)
    site.await_end(*(each.id for each in killed), timeout=PATIENCE)
    for each in killed:
        if each.shape == "adopted":
            resume_video(each.id, job_id=each.job_id, app=site.app)
    site.await_end(*(each.id for each in killed), timeout=PATIENCE)
    wait_for(
        lambda: all(site.state(each.tail) in states.READY_STATES for each in killed),
        PATIENCE,
    )


def unstruck(site: Site) -> str:
    left = site.charges.left()
    return "\n".join(f"{at} {site.tell(at.partition('.')[0])}" for at in left)


def hasten(each: Killed) -> None:
    """Let the lease of what a killed process had claimed be over at once."""
    claimed = CLAIMED.get((each.task, each.point))
    if claimed is None:
        return
    wait_for(
        lambda: each.site.ticket(each.id).stage is claimed,
        what=lambda: f"{each} {each.site.ticket(each.id)}",
    )
    each.site.let_lease_end(each.id)


def cases_of(*points: Point) -> Iterator[Case]:
    for point in points:
        yield "alone", *point
        if point in TOLD_IN_A_CANVAS:
            yield "chain", *point
            yield "chord", *point
