"""The stamp on a message: for which version of its ticket it speaks."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ..schedule import MAX_COUNTDOWN
from ..tickets import Ticket

HEADER: Final = "phanedge"
FORMAT: Final = 1
"""The version of the stamp's shape; a message with a higher one is passed on."""


class MessageUnreadable(Exception):
    """A newer version of this package stamped the message; it is passed on as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What moves from message to message: the version, and a mirror of the ticket."""

    version: int | None
    """The ticket's, None while there has been none."""
    job_id: str | None = None
    deadline: float | None = None
    polls: int | None = None
    save_to: str | None = None
    due: float | None = None
    """When this wait is over, if it takes more than one message."""
    rounds: int | None = None
    """How often it went round while the ticket store was away."""
    format: int = FORMAT
    unknown: Mapping[str, Any] = field(default_factory=dict)
    """What a newer version has stamped, to be passed on."""

    @classmethod
    def of(cls, headers: Mapping[str, Any] | None) -> Stamp | None:
        """Return the stamp of a message, None for one sent by a canvas or by name."""
        found = (headers or {}).get(HEADER)
        if not isinstance(found, Mapping):
            return None
        known = {k: found[k] for k in _STAMPED if k in found}
        unknown = {k: v for k, v in found.items() if k not in known}
        return cls(**{"version": None, **known}, unknown=unknown)

    def header(self) -> dict[str, Any]:
        known = {k: v for k in _STAMPED if (v := getattr(self, k)) is not None}
        return {**self.unknown, **known}


_STAMPED = tuple(name for name in Stamp.__dataclass_fields__ if name != "unknown")


def stamp_for(ticket: Ticket, due: float | None = None) -> Stamp:
    """Return the stamp that lets a message speak for this ticket's version."""
    far = due is not None and due - time.time() > MAX_COUNTDOWN
    return Stamp(
        version=ticket.version,
        job_id=ticket.job_id,
        deadline=ticket.deadline,
        polls=ticket.polls or None,
        save_to=ticket.save_to,
        due=due if far else None,
    )
