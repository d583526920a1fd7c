"""The four steps of a job, each as the story of what it does."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any, Final

from celery import Task, shared_task

from .answers import Trouble
from .errors import (
    JobTimedOut,
    PhanEdgeError,
    StorageFailed,
    SubmissionUnknown,
    error_fields,
)
from .models import JobReport, Video, VideoRequest, file_id_of, job_id_of
from .moves import Again, End, HandOver, Move
from .steps import Step, run, submit_lease
from .tickets import Stage, Ticket

SUBMIT: Final = "phanedge.submit_video"
POLL: Final = "phanedge.poll_video"
RETRIEVE: Final = "phanedge.retrieve_file"
SAVE: Final = "phanedge.save_file"

STAGES: Final = {
    SUBMIT: Stage.QUEUED,
    POLL: Stage.POLLING,
    RETRIEVE: Stage.RETRIEVING,
    SAVE: Stage.SAVING,
}
"""In which stage a job is while it waits for a task."""


def _step(name: str, *, soft: int) -> Callable[[Callable[..., Any]], Task[Any, Any]]:
    """Make a step of a function, with a soft limit in seconds.

    The hard one is for processes that hang in C alone, so it lies far above. No
    ``base``: it would replace the host's own task class.
    """
    return shared_task(
        bind=True,
        name=name,
        acks_late=True,
        reject_on_worker_lost=True,
        track_started=False,
        ignore_result=False,
        max_retries=None,
        throws=(PhanEdgeError,),
        soft_time_limit=soft,
        time_limit=soft + 600,
    )


@_step(SUBMIT, soft=300)
def submit_video(
    self: Task[Any, Any],
    request: Any,
    save_to: str | None = None,
    max_wait: float | None = None,
) -> Any:
    """Create a job from *request* and follow it to its end: the result is the video.

    *request* is a dict or a `VideoRequest`; *save_to* the name under which the file
    is kept; *max_wait* how long the job is followed, in seconds. One POST, whatever
    happens (contract, section 2).
    """
    return run(
        self,
        lambda step: _submit(step, request),
        Stage.QUEUED,
        save_to=save_to,
        max_wait=max_wait,
    )


def _submit(step: Step, request: Any) -> Move:
    asked = VideoRequest.read(request)
    if step.ticket.stage is Stage.SUBMITTING:
        raise SubmissionUnknown("the submission got no answer")
    step.claim(Stage.SUBMITTING, submit_lease(step.settings))
    answer = step.client.submit(asked.wire())
    if isinstance(answer, Trouble):
        return step.wait_out(answer)
    now = time.time()
    return HandOver(
        to=POLL,
        args=(answer.job_id,),
        kwargs={"save_to": step.ticket.save_to, "max_wait": step.ticket.max_wait},
        after=step.settings.schedule.first,
        stage=Stage.POLLING,
        changes={
            "job_id": answer.job_id,
            "platform_id": answer.platform_id,
            **_followed_from(step, now),
            **_CLEARED,
        },
    )


_CLEARED: Final[dict[str, Any]] = {"errors": {}, "error": None}


def _followed_from(step: Step, now: float) -> dict[str, float]:
    """The time to wait counts from the moment that the job id is known."""
    wait = step.ticket.max_wait or step.settings.max_wait
    return {"submitted_at": now, "deadline": now + wait}


@_step(POLL, soft=120)
def poll_video(
    self: Task[Any, Any],
    job_id: str | int,
    save_to: str | None = None,
    max_wait: float | None = None,
    retrieve: bool = True,  # noqa: FBT001, FBT002 - as a signature may pass it
) -> Any:
    """Follow the job *job_id* to its end: the result is the video.

    *job_id* is the vendor's ``task_id`` or ``platform_id``. With ``retrieve=False``
    the result is the last report (`JobReport`), without a file (contract, section 3).
    """
    return run(
        self,
        lambda step: _poll(step, job_id_of(step.ticket.job_id or job_id)),
        Stage.POLLING,
        save_to=save_to,
        max_wait=max_wait,
        retrieve=retrieve,
    )


def _poll(step: Step, job_id: str) -> Move:
    ticket = step.ticket
    answer = step.client.query(job_id)
    now = time.time()
    known: dict[str, Any] = {"job_id": job_id, "polls": ticket.polls + 1}
    if ticket.deadline is None:
        known |= _followed_from(step, now)
    if isinstance(answer, Trouble):
        return _wait_out(step, answer, known)
    known |= {**_CLEARED, "status": str(answer.status), **_ids(ticket, answer)}
    if not answer.status.terminal:
        return _ask_later(step, now, known)
    if not ticket.retrieve:
        return End(video=answer.model_dump(mode="json"), changes=known)
    return _retrieve_now(step, answer, known)


def _ids(ticket: Ticket, report: JobReport) -> dict[str, str]:
    """The file routes know a job by its ``task_id`` alone (contract, 2.3)."""
    if not report.job_id or report.job_id == ticket.job_id:
        return {}
    return {"job_id": report.job_id, "platform_id": ticket.job_id or ""}


def _wait_out(step: Step, trouble: Trouble, known: dict[str, Any]) -> Move:
    """Wait trouble out; a success whose file id never comes may still have a URL."""
    report = trouble.report
    if report is not None:
        known["status"] = str(report.status)
    move = step.wait_out(trouble, **known)
    if isinstance(move, End) and report is not None and report.download_url:
        video = _video(step.ticket, report, download_url=report.download_url)
        return End(video=video, changes=known)
    return move


def _ask_later(step: Step, now: float, known: dict[str, Any]) -> Move:
    ticket = step.ticket
    deadline = ticket.deadline or known["deadline"]
    if now >= deadline:
        error = JobTimedOut("the deadline is past; it may still finish", None)
        return End(error=error_fields(error.about(ticket.job_id)), changes=known)
    age = now - (ticket.submitted_at or now)
    wait = step.settings.schedule.wait(age, step.dice)
    return Again(after=min(wait, deadline - now), stage=Stage.POLLING, changes=known)


def _retrieve_now(step: Step, report: JobReport, known: dict[str, Any]) -> Move:
    job_id = known.get("job_id") or step.ticket.job_id
    return HandOver(
        to=RETRIEVE,
        args=(report.file_id,),
        kwargs={"job_id": job_id},
        stage=Stage.RETRIEVING,
        changes={
            **known,
            "file_id": report.file_id,
            "video": _video(step.ticket, report, job_id=job_id),
        },
    )


def _video(ticket: Ticket, report: JobReport | None, **known: Any) -> dict[str, Any]:
    """Return the result as far as it is known."""
    seen = report.model_dump(mode="json") if report else {}
    video = {**(ticket.video or {}), **seen, "platform_id": ticket.platform_id, **known}
    return Video.model_validate(video).model_dump(mode="json")


@_step(RETRIEVE, soft=120)
def retrieve_file(
    self: Task[Any, Any], file: Any, job_id: str | int | None = None
) -> Any:
    """Describe the finished job's file: the result is the video, with its URL.

    *file* is a file id, or the report of ``poll_video(…, retrieve=False)``; naming
    *job_id* too spares the gateway a guess (contract, section 4.1).
    """
    return run(
        self,
        lambda step: _retrieve(step, *_named(step, file, job_id)),
        Stage.RETRIEVING,
    )


def _named(step: Step, file: Any, job_id: Any) -> tuple[str, str | None, Any]:
    """Return file id, job id and report, from what a caller may name a file by."""
    report = None
    if isinstance(file, Mapping):
        report = JobReport.model_validate(file)
        file, job_id = report.file_id, job_id or report.job_id
    job_id = step.ticket.job_id or job_id
    return file_id_of(file), job_id and job_id_of(job_id), report


def _retrieve(
    step: Step, file_id: str, job_id: str | None, report: JobReport | None
) -> Move:
    answer = step.client.retrieve(file_id, job_id)
    known: dict[str, Any] = {"file_id": file_id, "job_id": job_id}
    if isinstance(answer, Trouble):
        return step.wait_out(answer, **known)
    video = _video(
        step.ticket,
        report,
        **answer.model_dump(mode="json", include=_OF_FILE),
        file_id=file_id,
        job_id=job_id,
        retrieved_at=datetime.now(timezone.utc),
    )
    if step.ticket.save_to:
        raise StorageFailed("save_to is not there yet; leave it out")
    return End(video=video, changes=known)


_OF_FILE: Final = {"filename", "bytes", "created_at", "download_url"}
