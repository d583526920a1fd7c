"""One query after a job, told to those who count polls."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from .. import signals
from ..answers import Trouble
from ..models import JobReport
from ..tickets import Ticket

if TYPE_CHECKING:
    from ..client import Client


def query(
    client: Client, ticket: Ticket, job_id: str | int, *, sender: Any
) -> JobReport | Trouble:
    """Ask once after the job of *ticket*, and tell ``video_polled``."""
    begun = time.perf_counter()
    answer = client.query(job_id)
    signals.video_polled.send(
        sender=sender,
        id=ticket.id,
        ticket=ticket,
        outcome=_outcome(answer),
        seconds=time.perf_counter() - begun,
    )
    return answer


def _outcome(answer: JobReport | Trouble) -> str:
    if isinstance(answer, Trouble):
        return answer.kind
    return "succeeded" if answer.status.terminal else "running"
