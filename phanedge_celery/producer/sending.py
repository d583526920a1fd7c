"""How an app reaches the broker: quickly, or the watch does it later."""

from __future__ import annotations

from celery import Celery

from .. import messages
from ..tickets import Ticket

QUICKLY = {
    "max_retries": 4,
    "interval_start": 0,
    "interval_step": 0.2,
    "interval_max": 0.5,
}
"""How a broker is tried before the watch is left to send: within two seconds."""


def send_now(app: Celery, ticket: Ticket, due: float | None = None) -> None:
    """Send the message of *ticket*; if that fails, the watch will."""
    messages.send_next(app, ticket, due=due, retry=True, retry_policy=QUICKLY)
