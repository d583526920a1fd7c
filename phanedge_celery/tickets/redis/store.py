"""Tickets in Redis: one hash each, one script for each operation."""

from __future__ import annotations

from .advances import Advances
from .due import Due
from .experience import Experience
from .leases import Leases
from .listings import Listings


class RedisTickets(Advances, Due, Listings, Leases, Experience):
    """Tickets of one Redis database, under ``phanedge:`` with the URL's prefix.

    An ended ticket expires *remember* seconds after it is over; `purge` then drops
    it from the listing.
    """
