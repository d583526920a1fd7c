"""What every ticket store does: the three atomic operations and the listings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

from .ticket import FORMAT, Stage, Ticket


class TicketStoreUnavailable(Exception):
    """The store could not be asked; whether it carried the change out is unknown."""


class TicketUnreadable(TicketStoreUnavailable):
    """A newer version of this package wrote the ticket; it is left as it is.

    To a step this is a store that is away: it passes its message on, until a worker
    of the newer version gets it.
    """

    def __init__(self, id: str, format: int) -> None:
        super().__init__(
            f"ticket {id} has format {format}, this version of phanedge_celery reads "
            f"formats up to {FORMAT}; upgrade it here too"
        )
        self.id = id
        self.format = format


class TicketMissing(Exception):
    """No ticket has that id: it was never there, has expired, or was flushed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What a store says of itself, to the one on call."""

    now: float | None = None
    """Its own clock, in Unix seconds; None if it does not tell."""
    evicts: str | None = None
    """By which rule it throws tickets away when it is full; None if it does not."""


class Tally(NamedTuple):
    """How many tickets in one stage are not over, and how many of those are late."""

    jobs: int
    late: int


FAR: Final = 60.0
"""Seconds by which two who want a lease may differ in how long they want it for."""


Advance = tuple[str, int, Stage, Mapping[str, Any]]
"""What `TicketStore.advance` takes: id, version, stage, changes."""


class TicketStore(Protocol):
    """Where tickets live. Every method may raise `TicketStoreUnavailable`.

    A store may be shared by threads and used on both sides of a fork. A ticket is
    *over*, and forgotten one day, when its stage has ended and nothing is due.
    """

    def create(self, ticket: Ticket) -> bool:
        """Write *ticket* if no ticket has its id; say whether it was written."""

    def read(self, id: str) -> Ticket | None:
        """Return the ticket, from the primary. Raises `TicketUnreadable`."""

    def advance(
        self, id: str, version: int, *, stage: Stage, **changes: Any
    ) -> Ticket | None:
        """Change the ticket if its version is not above *version*.

        The new version is ``version + 1`` and ``resends`` is 0. *changes* are fields
        of `Ticket`, but for ``id``, ``since`` and what a store counts by itself.
        Returns the ticket as it is now, or None when another has advanced it first.
        Raises `TicketMissing` and `TicketUnreadable`.
        """

    def touch(self, id: str, version: int, next_at: float) -> bool:
        """Set ``next_at`` and count one re-send, if *version* is the stored one."""

    def advance_many(self, moves: Sequence[Advance]) -> list[Ticket | None]:
        """Carry out many advances at once; None for each that was not carried out.

        One round trip, or one transaction. A ticket that is missing, of a newer
        format or ahead leaves the others alone.
        """

    def claim_due(
        self, before: float, until: float, limit: int, *, late_only: bool = False
    ) -> list[Ticket]:
        """Take the *limit* tickets in ``polling`` that are due for longest.

        Due is ``next_at <= before``; it becomes *until*, under the same version and
        without a re-send counted, so that of all who ask at once one gets a ticket.
        *late_only*: those alone whose deadline is at *before* or earlier.
        """

    def next_poll(self) -> float | None:
        """Return the earliest ``next_at`` in ``polling``, None when nothing waits."""

    def overdue(
        self, before: float, limit: int, *, but: Stage | None = None
    ) -> Sequence[Ticket]:
        """Return at most *limit* tickets with ``next_at <= before``, oldest first.

        Tickets of a newer format, or in the stage *but*, are left out.
        """

    def jobs(
        self,
        *,
        stage: Stage | None = None,
        error: str | None = None,
        since: float | None = None,
    ) -> Iterator[Ticket]:
        """Yield tickets, newest first, by stage, type of error, and ``since`` at least.

        Reads as it yields, some hundred at a time. Tickets of a newer format are
        left out, each with a warning that names it.
        """

    def tally(self, before: float) -> Mapping[str, Tally]:
        """Count the tickets that have a ``next_at``, by stage; late is <= *before*.

        A ticket that moves meanwhile may be counted twice or not at all.
        """

    def note(self, kind: str, seconds: float, keep: int) -> None:
        """Remember that a job of that *kind* took *seconds*, and *keep* so many.

        Of two notes at the same moment one may be lost.
        """

    def took(self, kind: str) -> list[float]:
        """Return what was noted of that *kind*, the earliest first."""

    def lease(self, name: str, owner: str, seconds: float) -> int | None:
        """Take the lease *name* for *owner*, or renew it; None while it is another's.

        Returns its fencing token, a positive number: the same at each renewal, a
        higher one whenever the lease was over or changed hands in between. What
        works under a lease writes the token beside its work and refuses a lower one.
        All take a *name* for about as long: one that ends `FAR` later than it could
        was taken before a clock was set back, and is over.
        """

    def purge(self, before: float) -> int:
        """Forget tickets that were over before then; return how many."""

    def condition(self) -> Condition:
        """Ask the store how it is."""

    def close(self) -> None:
        """Let go of this process's connections; the next call makes new ones."""
