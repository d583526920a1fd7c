"""Tickets, leases and how long jobs took as Django's tables."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from django.db import models


class Ticket(models.Model):
    """One job; the fields are those of `phanedge_celery.tickets.Ticket`.

    Times are Unix seconds, mappings are JSON as text. Only `DjangoTickets` writes.
    """

    id = models.CharField(max_length=255, primary_key=True)
    version = models.PositiveIntegerField()
    stage = models.CharField(max_length=20)
    key = models.TextField(null=True)
    request_sha256 = models.CharField(max_length=64, null=True)
    model = models.TextField(null=True)
    resolution = models.TextField(null=True)
    job_id = models.TextField(null=True)
    platform_id = models.TextField(null=True)
    file_id = models.TextField(null=True)
    save_to = models.TextField(null=True)
    max_wait = models.FloatField(null=True)
    retrieve = models.BooleanField()
    status = models.TextField(null=True)
    history = models.TextField(null=True)
    polls = models.PositiveIntegerField()
    errors = models.TextField(null=True)
    error = models.TextField(null=True)
    video = models.TextField(null=True)
    since = models.FloatField()
    submitted_at = models.FloatField(null=True)
    ended_at = models.FloatField(null=True)
    deadline = models.FloatField(null=True)
    next_at = models.FloatField(null=True)
    resends = models.PositiveIntegerField()
    message = models.TextField(null=True)
    format = models.PositiveIntegerField()

    class Meta:
        db_table = "phanedge_ticket"
        verbose_name = "job"
        ordering = ("-since", "-id")
        indexes = (
            models.Index(fields=["next_at"], name="phanedge_ticket_next_at"),
            models.Index(fields=["since"], name="phanedge_ticket_since"),
        )

    def __str__(self) -> str:
        return str(self.id)


class Lease(models.Model):
    """Who may do what only one worker does at a time."""

    name = models.CharField(max_length=255, primary_key=True)
    owner = models.TextField()
    token = models.BigIntegerField()
    until = models.FloatField()

    class Meta:
        db_table = "phanedge_lease"

    def __str__(self) -> str:
        return str(self.name)


class Kind(models.Model):
    """How long the last jobs of one model and resolution took, as JSON."""

    kind = models.CharField(max_length=255, primary_key=True)
    took = models.TextField()

    class Meta:
        db_table = "phanedge_kind"

    def __str__(self) -> str:
        return str(self.kind)


def moment(seconds: Any) -> datetime | None:
    """Return a time of a ticket as Django shows times."""
    return None if seconds is None else datetime.fromtimestamp(seconds, timezone.utc)
