"""The commands about many jobs."""

from __future__ import annotations

from itertools import islice
from typing import Any

import click

from ..producer import jobs as listed
from ..producer import resume_video, resume_videos
from ..producer.bulk import PER_SECOND
from . import wording
from .exits import Exit
from .parameters import STAGES, filters
from .session import Session


@click.option("--stage", type=STAGES)
@filters
@click.option("--limit", type=click.IntRange(min=1), help="At most so many.")
def jobs(
    session: Session,
    stage: str | None,
    error: str | None,
    since_: float | None,
    limit: int | None,
    *,
    overdue: bool,
) -> Exit:
    """List jobs, newest first; an exclamation mark says overdue."""
    found = listed(
        stage=stage, overdue=overdue, error=error, since=since_, app=session.app
    )
    count = 0
    for shown in islice(found, limit):
        if not (count or session.out.as_json):
            session.out.answer({}, wording.heading())
        count += 1
        session.out.answer(wording.masked(shown), wording.row(shown))
    session.out.note(f"{count} job{'' if count == 1 else 's'}")
    return Exit.OK


@click.argument("id", required=False)
@click.option("--job-id", help="The job found in the vendor's console, to adopt it.")
@filters
@click.option("--dry-run", is_flag=True, help="Say what would be resumed.")
@click.option(
    "--per-second",
    type=click.FloatRange(min=0, min_open=True),
    default=PER_SECOND,
    show_default=True,
)
def resume(
    session: Session,
    id: str | None,
    job_id: str | None,
    error: str | None,
    since_: float | None,
    per_second: float,
    *,
    overdue: bool,
    dry_run: bool,
) -> Exit:
    """Go on with one job by its ID, or with all that --overdue or --error names."""
    many = bool(overdue or error)
    if bool(id) == many:
        raise click.UsageError("Name one ID, or --overdue or --error CLASS.")
    if id:
        if dry_run or since_:
            raise click.UsageError("--dry-run and --since are for many jobs.")
        return _one(session, id, job_id)
    if job_id:
        raise click.UsageError("--job-id is for one ID.")
    return _all(
        session,
        dry_run=dry_run,
        overdue=overdue,
        error=error,
        since=since_,
        per_second=per_second,
    )


def _one(session: Session, id: str, job_id: str | None) -> Exit:
    done = resume_video(id, job_id, app=session.app)
    session.out.answer({"id": id, **done}, _told({"id": id, **done}))
    return Exit.OK


def _all(session: Session, *, dry_run: bool, **wanted: Any) -> Exit:
    seen = resumed = 0
    try:
        for done in resume_videos(dry_run=dry_run, app=session.app, **wanted):
            seen, resumed = seen + 1, resumed + bool(done["resumed"])
            session.out.answer({**done, "dry_run": dry_run}, _told(done))
    except KeyboardInterrupt:
        session.out.note(f"Stopped after {resumed} of the jobs were resumed.")
        return Exit.INTERRUPTED
    would = "would be " if dry_run else ""
    session.out.note(f"{resumed} of {seen} {would}resumed")
    return Exit.OK


def _told(done: dict[str, Any]) -> str:
    how = {
        "reopened": "reopened",
        "adopted": "adopted",
        "sent_again": "sent again",
        None: "left alone",
    }[done["resumed"]]
    canvas = "; its canvas has been told of the failure" if done["canvas_told"] else ""
    error = f"  ({done['error']})" if done.get("error") else ""
    return f"{done['id']}  {how}{error}{canvas}"
