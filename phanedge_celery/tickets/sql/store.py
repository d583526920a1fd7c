"""Tickets in a database, one row each: an operation is one statement."""

from __future__ import annotations

from .advances import Advances
from .due import Due
from .experience import Experience
from .leases import Leases
from .listings import Listings


class SqlTickets(Advances, Due, Listings, Leases, Experience):
    """Tickets in tables whose names begin with ``phanedge_``.

    They are made at first use. Ended tickets stay until `purge`.
    """
