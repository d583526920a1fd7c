"""Asking for a video, or for one that somebody else asked for."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from celery import Celery, states
from celery.app import app_or_default
from celery.result import AsyncResult, EagerResult

from .. import messages, results
from ..errors import RequestInvalid
from ..models import VideoRequest, job_id_of
from ..moves import POLL, SUBMIT
from ..settings import check_sending, settings_for
from ..storage import check_images, check_save_to
from ..tickets import Stage, Ticket, TicketStore, TicketStoreUnavailable, store_for
from .checks import check_name, check_wait, due
from .resume import reopen
from .sending import send_now


def enqueue_video(
    request: Mapping[str, Any] | VideoRequest,
    *,
    key: str | None = None,
    save_to: str | None = None,
    max_wait: float | None = None,
    app: Celery | None = None,
    **options: Any,
) -> AsyncResult[Any]:
    """Ask for a video; the result of the id that you get at once is the video.

    *key* names an attempt (``order-42/1``): the same key gives the same id, and one
    bill. *save_to* is the name under which the file is kept; *max_wait* how long
    the job is followed once it exists, in seconds; *options* go to ``apply_async``.

    Raises `RequestInvalid` for a request or a name that can never be accepted, or for
    a key that was used with another one, `ConfigurationError` for *save_to* or a
    ``storage:`` frame without a storage, and `tickets.TicketStoreUnavailable`. A broker
    that is away is no error: the job is sent as soon as it is back.
    """
    app = app_or_default(app)
    asked = VideoRequest.read(request)
    check_images(asked.wire(), settings_for(app).storage)
    check_name("key", key)
    check_name("task_id", options.get("task_id"))
    id = options.pop("task_id", None) or new_id(app, "key", key)
    ticket = Ticket(
        id=id,
        key=key,
        request_sha256=asked.sha256,
        model=asked.model,
        resolution=asked.resolution,
        save_to=save_to,
        max_wait=max_wait,
        since=time.time(),
    )
    return _enqueue(app, SUBMIT, asked.wire(), ticket, options)


def follow_video(
    job_id: str | int,
    *,
    key: str | None = None,
    save_to: str | None = None,
    max_wait: float | None = None,
    app: Celery | None = None,
    **options: Any,
) -> AsyncResult[Any]:
    """Follow a job that somebody else submitted, by ``task_id`` or ``platform_id``.

    Two followers of a job share one id, and so one line of polls; *save_to* and
    *max_wait* of the first one hold. Raises `RequestInvalid` for an id or a name that
    cannot be one, `ConfigurationError` for *save_to* without a storage, and
    `tickets.TicketStoreUnavailable`.
    """
    app = app_or_default(app)
    job = job_id_of(job_id)
    check_name("key", key)
    check_name("task_id", options.get("task_id"))
    id = options.pop("task_id", None) or new_id(
        app, "key" if key else "job", key or job
    )
    ticket = Ticket(
        id=id,
        key=key,
        stage=Stage.QUEUED,
        job_id=job,
        save_to=save_to,
        max_wait=max_wait,
        since=time.time(),
    )
    return _enqueue(app, POLL, job, ticket, options)


def new_id(app: Celery, kind: str, name: str | None) -> str:
    """Return a Celery id: the same one for the same *name* of that kind and app."""
    if name is None:
        return str(uuid.uuid4())
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"phanedge:{app.main}/{kind}/{name}"))


def _enqueue(
    app: Celery, name: str, asked: Any, ticket: Ticket, options: dict[str, Any]
) -> AsyncResult[Any]:
    check_save_to(ticket.save_to, settings_for(app).storage)
    check_wait(ticket.max_wait)
    check_sending(app)
    task = app.tasks[name]
    kwargs = {"save_to": ticket.save_to, "max_wait": ticket.max_wait}
    kwargs = {name: value for name, value in kwargs.items() if value is not None}
    options = {**options, "task_id": ticket.id}
    store = store_for(app)
    ticket = replace(
        ticket,
        message=messages.first(task, (asked,), kwargs, options),
        next_at=due(app, options, ticket.since),
    )
    if not store.create(ticket):
        _go_on(app, store, ticket)
    elif app.conf.task_always_eager:
        return task.apply_async((asked,), kwargs, **options)
    else:
        results.show(app, store, ticket)
        send_now(app, ticket, due=ticket.next_at)
    return _result(app, store, ticket.id)


def _go_on(app: Celery, store: TicketStore, asked: Ticket) -> None:
    """Answer to an id that is there already: leave it, send it again, or reopen it."""
    ticket = store.read(asked.id)
    if ticket is None:
        raise TicketStoreUnavailable(f"the ticket {asked.id} comes and goes")
    if not _is_same(asked, ticket):
        used = f"the key {asked.key!r}" if asked.key else f"the id {asked.id}"
        raise RequestInvalid(
            f"{used} was used for another request; it names one attempt, so take"
            " another one"
        )
    if ticket.stage is Stage.FAILED and (ticket.error or {}).get("resumable"):
        reopen(app, store, ticket)
    elif results.is_overdue(ticket, time.time(), watched=settings_for(app).watch_polls):
        messages.resend(app, store, ticket)
    elif ticket.stage.ended and _is_forgotten(app, ticket):
        results.show(app, store, ticket)


def _is_same(asked: Ticket, ticket: Ticket) -> bool:
    if asked.request_sha256 != ticket.request_sha256:
        return False
    return asked.job_id in (None, ticket.job_id, ticket.platform_id)


def _is_forgotten(app: Celery, ticket: Ticket) -> bool:
    """Has the result expired, as results do long before tickets?"""
    return results.stored(app, ticket.id)[0] == states.PENDING


def _result(app: Celery, store: TicketStore, id: str) -> AsyncResult[Any]:
    if not app.conf.task_always_eager:
        return app.AsyncResult(id)
    ticket = store.read(id)
    if ticket is None:
        return app.AsyncResult(id)
    state = results.STATES.get(ticket.stage, results.PROGRESS)
    return EagerResult(id, results.outcome(ticket), state)
