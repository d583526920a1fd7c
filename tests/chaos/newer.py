"""A process of the next version of the package, as far as formats go."""

from __future__ import annotations

from phanedge_celery import messages, tickets
from phanedge_celery.messages import stamp
from phanedge_celery.tickets import store, ticket


def become_newer() -> None:
    """Write and read formats one above ours; before any ticket store is opened."""
    above = ticket.FORMAT + 1
    for module in (ticket, store, tickets, stamp, messages):
        module.FORMAT = above  # type: ignore[attr-defined]
    for kind in (ticket.Ticket, stamp.Stamp):
        defaults = kind.__init__.__kwdefaults__
        assert defaults is not None
        defaults["format"] = above
