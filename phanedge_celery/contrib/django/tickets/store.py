"""Tickets in Django's database, through the ORM: an operation is one statement."""

from __future__ import annotations

from typing import Final

from django.apps import apps
from django.db import connections, router

from phanedge_celery.errors import ConfigurationError
from phanedge_celery.tickets import Condition

from .advances import Advances
from .due import Due
from .experience import Experience
from .leases import Leases
from .listings import Listings
from .tables import table

APP: Final = "phanedge_celery.contrib.django"


class DjangoTickets(Advances, Due, Listings, Leases, Experience):
    """Tickets in the tables of this app.

    Always asked where a router sends what is written, so that no replica answers.
    What is written inside ``atomic()`` is part of that transaction: until it
    commits, workers see nothing of it. Raises `ConfigurationError` at once when the
    app is not installed.
    """

    def __init__(self) -> None:
        apps.check_apps_ready()
        if not apps.is_installed(APP):
            raise ConfigurationError(
                "phanedge_tickets: tickets in Django's database need "
                f'"{APP}" in INSTALLED_APPS, then `manage.py migrate`'
            )

    def condition(self) -> Condition:
        with table("Ticket") as tickets, connections[tickets.db].cursor() as cursor:
            cursor.execute("SELECT CURRENT_TIMESTAMP")
            (told,) = cursor.fetchone()
        known = getattr(told, "tzinfo", None) is not None
        return Condition(now=told.timestamp() if known else None)

    def close(self) -> None:
        connection = connections[router.db_for_write(apps.get_model("phanedge.Ticket"))]
        if not connection.in_atomic_block:
            connection.close()
