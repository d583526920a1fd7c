"""The four steps of a job as tasks, under their names on the wire."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from celery import Task, shared_task

from . import polling, retrieving, saving, submitting
from .errors import PhanEdgeError
from .models import job_id_of
from .models.ids import wire_id
from .moves import POLL, RETRIEVE, SAVE, SUBMIT, Move
from .steps import Step, query, run
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
        lambda step: submitting.submit(step, request),
        Stage.QUEUED,
        save_to=save_to,
        max_wait=max_wait,
        **submitting.kind(request),
    )


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
        lambda step: retrieving.retrieve(step, file, job_id),
        Stage.RETRIEVING,
    )


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
