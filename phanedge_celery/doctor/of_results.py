"""Hazards in where results, tickets and files are kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ..models import plain_text
from .finding import Finding, found
from .snapshot import Snapshot

_FIT: Final = '"redis://…"  (or "db+postgresql://…", "django-db")'


def unfit_results(s: Snapshot) -> Iterator[Finding]:
    if s.unfit_results:
        reason = plain_text(" ".join(s.unfit_results.split()), 200)
        yield found(
            "E010",
            what=f"The result backend cannot serve: {reason}.",
            why="Every worker and every web process must be able to read a result.",
            setting=s.setting("result_backend", _FIT),
        )


def ignored_results(s: Snapshot) -> Iterator[Finding]:
    if ignored := [step.name for step in s.steps if step.ignores_result]:
        yield found(
            "E011",
            what=f"Results are ignored for {', '.join(ignored)}.",
            why="A job could end, but nobody would ever see its video or its error.",
            setting=s.setting(
                "task_annotations", '{"phanedge.*": {"ignore_result": False}}'
            ),
        )


def no_ticket_store(s: Snapshot) -> Iterator[Finding]:
    if s.no_tickets:
        yield found(
            "E012",
            what=s.no_tickets.rstrip(".") + ".",
            why="Without a ticket a job cannot be followed, nor be paid only once.",
            setting=s.setting("phanedge_tickets", '"redis://…"'),
        )


def tickets_in_memory(s: Snapshot) -> Iterator[Finding]:
    if s.tickets in ("memory", "cache+memory") and s.broker not in (None, "memory"):
        if s.eager:
            return
        yield found(
            "W013",
            what="Tickets are kept in the memory of each process.",
            why=(
                "A worker's children and the web processes would each have their own,"
                " and the next restart loses them."
            ),
            setting=s.setting("result_backend", _FIT),
        )


def storage_not_opened(s: Snapshot) -> Iterator[Finding]:
    if s.no_storage:
        yield found(
            "E050",
            what=s.no_storage.rstrip(".") + ".",
            why="Whatever is to be saved fails, after its job has been paid for.",
            setting=s.setting("phanedge_storage", '"file:///srv/videos"'),
        )


def results_that_expire(s: Snapshot) -> Iterator[Finding]:
    if s.result_expires is not None and s.result_expires < s.settings.max_wait:
        yield found(
            "W014",
            what=(
                f"Results expire after {s.result_expires:g} s, but a job is followed"
                f" for {s.settings.max_wait:g} s."
            ),
            why=(
                "They are written when something changes, not at every poll: a job"
                " that renders for long would show as unknown."
            ),
            setting=s.setting("result_expires", f"{24 * 3600}"),
        )
