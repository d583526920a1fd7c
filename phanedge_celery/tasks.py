"""The four steps of a job, each as the story of what it does."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any, Final, NoReturn

from celery import Task, shared_task
from celery.exceptions import Ignore

from . import callback, experience, moves, polling, saving
from .answers import Trouble
from .answers.file import MISSING
from .errors import (
    PhanEdgeError,
    SubmissionUnknown,
)
from .models import JobReport, VideoRequest, file_id_of, job_id_of
from .models.ids import wire_id
from .moves import POLL, RETRIEVE, SAVE, SUBMIT, End, HandOver, Move
from .settings import Settings
from .steps import Step, query, run, submit_lease
from .storage import check_save_to
from .tickets import Stage

STAGES: Final = {
    SUBMIT: Stage.QUEUED,
    POLL: Stage.POLLING,
    RETRIEVE: Stage.RETRIEVING,
    SAVE: Stage.SAVING,
}
"""In which stage a job is while it waits for a task."""


RESULT_SHOWN: Final = 100
"""Characters of a result in Celery's own log and events: short of a download URL."""


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
        resultrepr_maxsize=RESULT_SHOWN,
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
        **_kind(request),
    )


def _kind(request: Any) -> dict[str, str]:
    """Return by what jobs differ in how long they run, from a request yet unread."""
    given = request.wire() if isinstance(request, VideoRequest) else request
    if not isinstance(given, Mapping):
        return {}
    named = {name: given.get(name) for name in ("model", "resolution")}
    return {name: text for name, text in named.items() if isinstance(text, str)}


def _submit(step: Step, request: Any) -> Move:
    asked = VideoRequest.read(request)
    if step.ticket.job_id:
        return _follow(step, step.ticket.job_id, after=0)
    if step.ticket.stage is Stage.SUBMITTING:
        _give_up(step)
    check_save_to(step.ticket.save_to, step.settings.storage)
    wire = saving.posted(step, asked)
    if isinstance(wire, Trouble):
        return step.wait_out(wire)
    wire = _with_callback(wire, step.settings, step.id)
    # Made first: whoever is killed between claim and answer leaves it open what was
    # bought, and in a new process the client takes its time.
    client = step.client
    after = experience.first_wait(step.store, step.ticket, step.settings.schedule)
    step.claim(Stage.SUBMITTING, submit_lease(step.settings))
    answer = client.submit(wire)
    if isinstance(answer, Trouble):
        return step.wait_out(answer)
    return _follow(step, answer.job_id, after=after, platform_id=answer.platform_id)


def _give_up(step: Step) -> NoReturn:
    """End a submission without an answer, once its lease is over.

    Nobody sends its message before that, but one may have been delivered twice.
    """
    if not step.ticket.resends and (step.ticket.next_at or 0) > time.time():
        raise Ignore("it is being submitted")
    raise SubmissionUnknown("the submission got no answer")


def _follow(step: Step, job_id: str, *, after: float, **known: Any) -> HandOver:
    ticket = step.ticket
    return HandOver(
        to=POLL,
        args=(job_id,),
        kwargs={"save_to": ticket.save_to, "max_wait": ticket.max_wait},
        after=after,
        stage=Stage.POLLING,
        changes={
            "job_id": job_id,
            **known,
            **moves.followed_from(ticket, time.time(), step.settings.max_wait),
            **moves.CLEARED,
        },
    )


def _with_callback(
    wire: Mapping[str, Any], settings: Settings, id: str
) -> Mapping[str, Any]:
    """Name our receiver, unless the caller named one; its URL is kept nowhere."""
    base, secret = settings.callback_url, settings.callback_secret
    if base is None or secret is None or wire.get("callback_url"):
        return wire
    url = callback.signed_url(base, secret.get_secret_value(), id)
    return {**wire, "callback_url": url}


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
        job_id=wire_id(job_id),
        save_to=save_to,
        max_wait=max_wait,
        retrieve=retrieve,
    )


def _poll(step: Step, job_id: str) -> Move:
    answer = query(step.client, step.ticket, job_id, sender=step.task)
    return polling.decide(
        step.ticket,
        answer,
        step.settings.schedule,
        max_wait=step.settings.max_wait,
        now=time.time(),
        dice=step.dice,
    )


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
        return _wait_for_file(step, answer, known)
    video = moves.video_of(
        step.ticket,
        report,
        **answer.model_dump(mode="json", include=_OF_FILE),
        file_id=file_id,
        job_id=job_id,
        retrieved_at=datetime.now(timezone.utc),
    )
    if step.ticket.save_to:
        return _save_next(step, **known, video=video, **moves.CLEARED)
    return End(video=video, changes=known)


def _wait_for_file(step: Step, trouble: Trouble, known: dict[str, Any]) -> Move:
    """Wait trouble out; a file without a URL may still be saved another way (E4)."""
    move = step.wait_out(trouble, **known)
    outlasted = isinstance(move, End) and trouble.kind == MISSING
    if outlasted and step.ticket.save_to:
        return _save_next(step, **known)
    return move


def _save_next(step: Step, **changes: Any) -> HandOver:
    return moves.save_next(step.ticket, time.time(), step.settings.max_wait, **changes)


_OF_FILE: Final = {"filename", "bytes", "created_at", "download_url"}


@_step(SAVE, soft=1500)
def save_file(
    self: Task[Any, Any],
    video: Any,
    save_to: str,
    overwrite: bool = False,  # noqa: FBT001, FBT002 - as a signature may pass it
) -> Any:
    """Keep the file of *video* under the name *save_to*: the result is the video.

    *video* is what ``retrieve_file`` returns; it needs to say no more than
    ``file_id`` and ``job_id``. The name is relative, with ``{job_id}`` and
    ``{file_id}`` as places. A file that is there already is a success if it is the
    same, `StorageFailed` if it is another one, unless *overwrite* (contract, 4.2).
    """
    return run(
        self,
        lambda step: saving.save(step, video, save_to, overwrite=overwrite),
        Stage.SAVING,
        **saving.fresh(video, save_to),
    )
