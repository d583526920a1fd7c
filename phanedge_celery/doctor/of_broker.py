"""Hazards in how messages travel."""

from __future__ import annotations

from collections.abc import Iterator

from ..schedule import MAX_COUNTDOWN
from .finding import Finding, found
from .snapshot import Snapshot


def lossy_broker(s: Snapshot) -> Iterator[Finding]:
    if s.loses_messages:
        yield found(
            "E020",
            what="The broker is filesystem://.",
            why=(
                "A reader may take a message before it is written whole, and loses it:"
                " a paid job would stand still."
            ),
            setting=s.setting(
                "broker_url", '"redis://…"  (one machine: "sqla+sqlite:///celery.db")'
            ),
        )


def broker_not_loaded(s: Snapshot) -> Iterator[Finding]:
    if s.no_broker:
        yield found(
            "E021",
            what=f"The broker's transport cannot be loaded: {s.no_broker}.",
            why="Nothing can be sent, and no worker starts.",
            setting=s.setting("broker_url", '"redis://…"  (and install its library)'),
        )


def no_route(s: Snapshot) -> Iterator[Finding]:
    shared = [step.name for step in s.steps if step.queue == s.default_queue]
    if shared and not s.eager:
        who = ", ".join(shared) if len(shared) < len(s.steps) else "phanedge.*"
        yield found(
            "W022",
            what=f"The default queue, {s.default_queue!r}, is also that of {who}.",
            why=(
                "A worker there that does not know our tasks throws their messages"
                " away, and slow tasks of the app hold up the polls."
            ),
            setting=s.setting("task_routes", '{"phanedge.*": {"queue": "phanedge"}}'),
        )


def short_visibility(s: Snapshot) -> Iterator[Finding]:
    """A message is held for a wait, then a run; only then is it acknowledged."""
    longest = MAX_COUNTDOWN + max((step.limit or 0 for step in s.steps), default=0)
    if s.visibility is not None and s.visibility < longest:
        yield found(
            "W023",
            what=(
                f"The visibility timeout is {s.visibility:g} s; a worker may hold a"
                f" message of ours for {longest:g} s."
            ),
            why=(
                "The broker then gives it to another worker as well. The second copy"
                " drops itself, but the work may begin twice."
            ),
            setting=s.setting(
                "broker_transport_options", '{"visibility_timeout": 3600}'
            ),
        )


def undelayed_quorum(s: Snapshot) -> Iterator[Finding]:
    if s.undelayed:
        yield found(
            "E024",
            what=(
                f"There are quorum queues, but {s.undelayed!r} hangs on a direct"
                " exchange."
            ),
            why=(
                "Delayed delivery needs a topic exchange; without it each wait blocks a"
                " worker until it is over."
            ),
            setting=s.setting("task_default_exchange_type", '"topic"')
            + f", and declare {s.undelayed!r} in task_queues",
        )


def eta_limit_in_a_shared_queue(s: Snapshot) -> Iterator[Finding]:
    if s.eta_limit and s.default_queue in s.queues:
        yield found(
            "W025",
            what=f"worker_eta_task_limit is {s.eta_limit}, and our queue is shared.",
            why=(
                "So many waiting polls, and the worker takes no other message at all"
                " until the first of them is due."
            ),
            setting=s.setting("worker_eta_task_limit", "None")
            + ", or "
            + s.setting("task_routes", '{"phanedge.*": {"queue": "phanedge"}}'),
        )


def dies_with_redis(s: Snapshot) -> Iterator[Finding]:
    if s.broker == "redis" and "5.7.0" in (s.celery, s.kombu):
        yield found(
            "W026",
            what=f"Celery {s.celery} and kombu {s.kombu} with a Redis broker.",
            why=(
                "With 5.7.0 a worker ends when its Redis is restarted (\"'NoneType'"
                " object has no attribute 'hostname'\")."
            ),
            setting="pip install 'celery==5.6.3' 'kombu==5.6.2' 'redis==7.1.0'",
        )
