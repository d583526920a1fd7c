"""The job's row: one small ticket per Celery id, which is the truth about the job."""

from __future__ import annotations

from .opening import close_stores, open_store, store_for, store_url
from .store import (
    FAR,
    Advance,
    Condition,
    Tally,
    TicketMissing,
    TicketStore,
    TicketStoreUnavailable,
    TicketUnreadable,
)
from .ticket import FOLLOWED_BY, FORMAT, Stage, Ticket

__all__ = [
    "FAR",
    "FOLLOWED_BY",
    "FORMAT",
    "Advance",
    "Condition",
    "Stage",
    "Tally",
    "Ticket",
    "TicketMissing",
    "TicketStore",
    "TicketStoreUnavailable",
    "TicketUnreadable",
    "close_stores",
    "open_store",
    "store_for",
    "store_url",
]
