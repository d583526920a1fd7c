"""What the doctor looks at: an app's configuration, frozen at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..settings import Settings
from ..settings.sources import spellings


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One of our tasks as the app runs it, its annotations included."""

    name: str
    queue: str | None = "phanedge"
    """None: a router of the app's own failed to say."""
    ignores_result: bool = False
    acks_late: bool = True
    rejects_lost: bool = True
    """``reject_on_worker_lost``."""
    limit: float | None = None
    """The lower one of its time limits; seconds."""
    needs: float = 60
    """How long one run may rightly take, at most; seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All that the checks know. Durations are seconds, None is unset or unknown.

    No secret is in it: of URLs the scheme alone.
    """

    prefix: str | None = None
    """``CELERY_`` under ``namespace="CELERY"``."""
    settings: Settings = field(default_factory=Settings, repr=False)
    mistakes: tuple[str, ...] = ()
    """Why the settings cannot work; *settings* are the defaults then."""
    missing_key: str | None = None
    """How to set the API key, if there is none."""
    unread: Mapping[str, str] = field(default_factory=dict)
    """Names that nobody reads, with the keys that they were meant for."""

    eager: bool = False
    steps: tuple[Step, ...] = ()
    unfit_results: str | None = None
    results: str = ""
    """The scheme of the result backend."""
    result_expires: float | None = None
    results_are_shared: bool = False
    """``result_backend_thread_safe``."""
    tickets: str | None = None
    """The scheme of the ticket store."""
    no_tickets: str | None = None
    """Why there is no ticket store."""

    broker: str | None = None
    """The broker's kind, as its transport calls it: ``redis``, ``amqp``, ``sql`` …"""
    no_broker: str | None = None
    """Why Celery cannot load the broker's transport."""
    loses_messages: bool = False
    default_queue: str = "celery"
    visibility: float | None = None
    """After which a message that a worker holds is given to another."""
    undelayed: str | None = None
    """A queue of ours whose waits block the worker, though others are quorum queues."""
    eta_limit: int | None = None
    """``worker_eta_task_limit``."""
    celery: str = ""
    kombu: str = ""

    no_storage: str | None = None
    """Why the storage cannot be opened, as far as that is known without asking it."""
    pool: str = "prefork"
    accepts: frozenset[str] = frozenset()
    """Content types, by their short names."""
    shown: tuple[str, ...] = ()
    """Settings with a secret that ``celery report`` does not hide."""

    def setting(self, name: str, value: str) -> str:
        """Return an assignment of Celery's setting *name*, as this app spells it."""
        spelled = spellings(name, self.prefix)[0]
        return f"{spelled if self.prefix else f'app.conf.{name}'} = {value}"

    @property
    def queues(self) -> frozenset[str]:
        """The queues that our tasks are sent to."""
        return frozenset(step.queue for step in self.steps if step.queue)
