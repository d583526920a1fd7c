"""The plain app in a worker whose processes come by charges (`tests.charges`).

| variable | |
|---|---|
| `PHANEDGE_TEST_CHARGES` | the folder of the charges |
| `PHANEDGE_TEST_WATCH` | fields of `schedule.WatchPace` as JSON |
"""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

from celery import current_task, signals

from tests.charges import FOLDER, Charges

charges = Charges(Path(os.environ[FOLDER]))


def strike(point: str) -> None:
    """Come by a point of the step that runs in this process, if one does."""
    task: Any = current_task
    if task and task.request.id:
        charges.strike(str(task.request.id), task.name, point)


def passes(signal: Any, point: str) -> None:
    signal.connect(lambda **_: strike(point), weak=False)


passes(signals.task_prerun, "begin")
passes(signals.after_task_publish, "send")
# Connected before the package is imported, so that its own receivers come after.
passes(signals.task_success, "stored")
passes(signals.task_failure, "stored")
passes(signals.task_postrun, "closed")

from phanedge_celery import schedule  # noqa: E402
from phanedge_celery.tickets import Stage, Ticket, TicketStore, opening  # noqa: E402
from tests.apps.plain import app  # noqa: E402

schedule.WATCH = schedule.WatchPace(
    **json.loads(os.environ.get("PHANEDGE_TEST_WATCH", "{}"))
)


class Passing:
    """A ticket store that comes by a point after each read and each advance."""

    def __init__(self, store: TicketStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def read(self, id: str) -> Ticket | None:
        found = self._store.read(id)
        strike("read")
        return found

    def advance(
        self, id: str, version: int, *, stage: Stage, **changes: Any
    ) -> Ticket | None:
        advanced = self._store.advance(id, version, stage=stage, **changes)
        strike(ADVANCES.get(stage, "advance"))
        return advanced


ADVANCES = {Stage.SUBMITTING: "claim", Stage.ENDING: "ending"}


# In a pool of threads there is no process but the worker's own.
@signals.worker_process_init.connect(weak=False)
@signals.worker_ready.connect(weak=False)
def _pass_the_store(**_: Any) -> None:
    store = opening.store_for(app)
    for key, found in opening._opened.items():
        if found is store and not isinstance(found, Passing):
            opening._opened[key] = Passing(store)


class PassesHttp(logging.Handler):
    """The client says at level DEBUG that a call was answered."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage().startswith("phanedge.call"):
            strike("http")


log = logging.getLogger("phanedge_celery")
log.setLevel(logging.DEBUG)
log.addHandler(PassesHttp())
