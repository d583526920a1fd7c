"""A process of the next version of the package, as far as formats go."""

from __future__ import annotations

import sys

import phanedge_celery.tasks  # noqa: F401 - all that knows a format has to be there
from phanedge_celery.messages import stamp
from phanedge_celery.tickets import ticket


def become_newer() -> None:
    """Write and read formats one above ours; before any ticket store is opened."""
    above = ticket.FORMAT + 1
    for name, module in list(sys.modules.items()):
        if name.startswith("phanedge_celery.") and hasattr(module, "FORMAT"):
            setattr(module, "FORMAT", above)  # noqa: B010 - mypy knows modules
    for kind in (ticket.Ticket, stamp.Stamp):
        defaults = kind.__init__.__kwdefaults__
        assert defaults is not None
        defaults["format"] = above
