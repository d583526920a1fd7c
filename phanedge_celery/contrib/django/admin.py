"""Jobs in the admin: to be looked at, resumed and cancelled, never edited."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.timezone import localtime

from phanedge_celery.errors import PhanEdgeError
from phanedge_celery.producer import cancel_video, resume_video
from phanedge_celery.results import is_overdue
from phanedge_celery.tickets import TicketStoreUnavailable

from .filters import ErrorFilter, OverdueFilter, StageFilter, watched
from .links import file_url
from .models import Ticket, moment


def _time(field: str, title: str) -> Any:
    """Return a column that shows a field's seconds as a time."""

    @admin.display(description=title, ordering=field)
    def column(_: Any, ticket: Ticket) -> str | None:
        at = moment(getattr(ticket, field))
        return None if at is None else date_format(localtime(at), "Y-m-d H:i:s")

    return column


@admin.register(Ticket)
class TicketAdmin(admin.ModelAdmin):
    """Who may view tickets looks; who may change them resumes and cancels."""

    list_display = (
        "id",
        "stage",
        "status",
        "trouble",
        "overdue",
        "file",
        "began",
        "ended",
        "job_id",
        "model",
    )
    list_filter = (StageFilter, ErrorFilter, OverdueFilter)
    search_fields = ("id", "key", "job_id", "platform_id", "file_id")
    search_help_text = "Celery id, key, job id, platform id, file id"
    show_full_result_count = False
    actions = ("resume", "cancel")
    fields = (
        ("stage", "status", "polls", "resends", "version"),
        ("error_text", "waits_out"),
        ("key", "model", "resolution"),
        ("job_id", "platform_id", "file_id"),
        ("save_to", "file"),
        ("began", "submitted", "ended"),
        ("due", "until", "max_wait"),
        ("retrieve", "request_sha256", "format"),
    )
    readonly_fields = (
        "error_text",
        "waits_out",
        "file",
        "began",
        "submitted",
        "ended",
        "due",
        "until",
    )

    began = _time("since", "began")
    submitted = _time("submitted_at", "submitted")
    ended = _time("ended_at", "ended")
    due = _time("next_at", "next message due")
    until = _time("deadline", "deadline")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        user: Any = request.user
        return bool(
            user.has_perm("phanedge.view_ticket") or self.has_steer_permission(request)
        )

    def has_steer_permission(self, request: HttpRequest) -> bool:
        user: Any = request.user
        return bool(user.has_perm("phanedge.change_ticket"))

    @admin.display(description="error")
    def trouble(self, ticket: Ticket) -> str | None:
        return _json(ticket.error).get("type")

    @admin.display(description="error")
    def error_text(self, ticket: Ticket) -> str:
        error = _json(ticket.error)
        return f"{error['type']}: {error['message']}" if error else "–"

    @admin.display(description="troubles in a row")
    def waits_out(self, ticket: Ticket) -> str:
        counted = _json(ticket.errors).items()
        return ", ".join(f"{kind} × {row['count']}" for kind, row in counted) or "–"

    @admin.display(description="overdue")
    def overdue(self, ticket: Ticket) -> str | None:
        late = is_overdue(ticket, time.time(), watched=watched())
        return "overdue" if late else None

    @admin.display(description="file")
    def file(self, ticket: Ticket) -> str:
        name = _json(ticket.video).get("saved_to")
        url = file_url(name)
        return format_html('<a href="{}">{}</a>', url, name) if url else name or "–"

    @admin.action(
        description="Resume: reopen what can be, send again what is overdue",
        permissions=["steer"],
    )
    def resume(self, request: HttpRequest, queryset: Any) -> None:
        self._tell(request, queryset, lambda id: resume_video(id)["resumed"])

    @admin.action(
        description="Cancel: stop following (the vendor may still bill)",
        permissions=["steer"],
    )
    def cancel(self, request: HttpRequest, queryset: Any) -> None:
        self._tell(request, queryset, lambda id: cancel_video(id)["stopped"])

    def _tell(
        self, request: HttpRequest, queryset: Any, do: Callable[[str], Any]
    ) -> None:
        """Do it to each job, and say in one line how often what came of it."""
        counted = Counter(_done(do, id) for id in queryset.values_list("pk", flat=True))
        told = "; ".join(f"{count} × {what}" for what, count in counted.items())
        self.message_user(request, told, messages.INFO)


_WORDS = {
    None: "left alone",
    "reopened": "reopened",
    "sent_again": "sent again",
    "before_submit": "cancelled before it was submitted",
    "following": "cancelled; the vendor may bill it",
    "too_late": "too late, it had ended",
}


def _done(do: Callable[[str], Any], id: str) -> str:
    try:
        return _WORDS[do(id)]
    except (PhanEdgeError, TicketStoreUnavailable) as error:
        return str(error)


def _json(text: str | None) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text) if text else {}
    return found
