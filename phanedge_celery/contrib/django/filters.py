"""By what the admin's list of jobs can be narrowed."""

from __future__ import annotations

import time
from typing import Any

from celery.app import app_or_default
from django.contrib import admin

from phanedge_celery import errors
from phanedge_celery.schedule import WATCH
from phanedge_celery.settings import settings_for
from phanedge_celery.tickets import Stage


class StageFilter(admin.SimpleListFilter):
    """Where jobs are on their way."""

    title = "stage"
    parameter_name = "stage"

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(stage), str(stage)) for stage in Stage]

    def queryset(self, request: Any, queryset: Any) -> Any:
        return queryset.filter(stage=self.value()) if self.value() else queryset


class ErrorFilter(admin.SimpleListFilter):
    """The type of error that a job failed with, or is waiting out."""

    title = "error"
    parameter_name = "error"

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, str]]:
        return [("any", "any"), *((name, name) for name in errors.__all__)]

    def queryset(self, request: Any, queryset: Any) -> Any:
        if not (wanted := self.value()):
            return queryset
        if wanted == "any":
            return queryset.exclude(error=None)
        return queryset.filter(error__contains=f'"type":"{wanted}"')


class OverdueFilter(admin.SimpleListFilter):
    """Jobs whose next message should have been sent long ago."""

    title = "overdue"
    parameter_name = "overdue"

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "overdue")]

    def queryset(self, request: Any, queryset: Any) -> Any:
        if self.value() != "yes":
            return queryset
        if watched():
            queryset = queryset.exclude(stage=Stage.POLLING)
        return queryset.filter(next_at__lt=time.time() - WATCH.grace)


def watched() -> bool:
    """Does the watch ask for what polls? Then no such job waits for a message."""
    return settings_for(app_or_default()).watch_polls
