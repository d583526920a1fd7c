"""What others hear of a long act: that it goes on, and how far it is."""

from __future__ import annotations

import time
from typing import Final

from celery.exceptions import Ignore

from .. import results
from ..events import say
from ..steps import Step
from ..tickets import Ticket, TicketStoreUnavailable

LEASE: Final = 60.0
"""Seconds that the watch gives us from each sign of life."""

RENEWED_EVERY: Final = 20.0
SHOWN_EVERY: Final = 0.5
UNWRITTEN: Final = 30.0
"""Seconds without a try after a PROGRESS that could not be written."""


class Heartbeat:
    """Call it often: it keeps the ticket from looking overdue.

    A download is not claimed (to read twice is harmless), so that a message that
    comes back from a killed process goes on at once. No call fails: a sign of life
    that cannot be written is forgotten.
    """

    def __init__(self, step: Step) -> None:
        self._step = step
        self._renew_at = self._show_at = 0.0
        self._lost = False

    def __call__(self) -> None:
        now = time.monotonic()
        if now >= self._renew_at:
            self._renew_at = now + RENEWED_EVERY
            self._renew()

    def tell(self, done: int, total: int | None) -> None:
        """Show how many bytes are here; Ignore if the job has moved on meanwhile."""
        self()
        if self._lost:
            raise Ignore(f"{self._step.id} has moved on")
        now = time.monotonic()
        if now >= self._show_at and not self._step.eager:
            self._show_at = now + (
                SHOWN_EVERY if self._show(done, total) else UNWRITTEN
            )

    def _renew(self) -> None:
        step = self._step
        try:
            if not step.store.touch(step.id, step.version, time.time() + LEASE):
                self._look_at(step.store.read(step.id))
        except TicketStoreUnavailable as error:
            say("store_away", step.ticket, error)

    def _show(self, done: int, total: int | None) -> bool:
        step = self._step
        seen = {"bytes_done": done, "bytes_total": total}
        try:
            now = results.show(step.app, step.store, step.ticket, step.request, **seen)
        except TicketStoreUnavailable as error:
            say("store_away", step.ticket, error)
            return False
        self._look_at(now)
        return now is not None

    def _look_at(self, now: Ticket | None) -> None:
        if now is not None and now.version > self._step.version:
            self._lost = True
