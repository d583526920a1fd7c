"""What is told of a ticket that has advanced: log, result backend, signal."""

from __future__ import annotations

from typing import Any

from celery import Celery

from .. import results, signals
from ..events import say
from ..tickets import Ticket, TicketStore


def tell_change(
    app: Celery,
    store: TicketStore,
    before: Ticket,
    now: Ticket,
    *,
    sender: Any,
    request: Any = None,
    shown: bool = True,
) -> None:
    """Publish *now* when its stage or status is another than *before*.

    Also after a re-send: Celery may have stored a FAILURE of its own, for a
    process that was lost, over what we showed. Trouble that is waited out is told
    once for each kind in a row.
    """
    if now.errors.keys() - before.errors.keys():
        say("waiting_out", now)
    same = (before.stage, before.status) == (now.stage, now.status)
    if same and not before.resends:
        return
    say("changed", now)
    if shown:
        results.show(app, store, now, request)
    if before.status != now.status:
        signals.video_status_changed.send(sender=sender, id=now.id, ticket=now)
