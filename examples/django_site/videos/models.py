"""Whose job is whose; all else about a job is asked from phanedge_celery."""

from __future__ import annotations

from django.db import models


class Job(models.Model):
    """One video that a visitor asked for."""

    id = models.CharField(max_length=36, primary_key=True)
    """The Celery id that `enqueue_video` gave."""
    owner = models.CharField(max_length=32, db_index=True)
    """A random name in the visitor's session."""
    request = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return str(self.request.get("prompt", self.id))
