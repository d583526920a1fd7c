"""Creating a job: one POST, whatever happens."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, NoReturn

from celery.exceptions import Ignore

from . import callback, experience, moves, saving
from .answers import Trouble
from .errors import SubmissionUnknown
from .models import VideoRequest
from .moves import POLL, HandOver, Move
from .settings import Settings
from .steps import Step, submit_lease
from .storage import check_save_to
from .tickets import Stage


def kind(request: Any) -> dict[str, str]:
    """Return by what jobs differ in how long they run, from a request yet unread."""
    given = request.wire() if isinstance(request, VideoRequest) else request
    if not isinstance(given, Mapping):
        return {}
    named = {name: given.get(name) for name in ("model", "resolution")}
    return {name: text for name, text in named.items() if isinstance(text, str)}


def submit(step: Step, request: Any) -> Move:
    """Create a job from *request*, or follow the one that it has got already."""
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
