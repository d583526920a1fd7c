"""What publishes the watch: a thread in each worker, from its start on."""

from __future__ import annotations

import threading
import time
from typing import Any, Final

from celery import Celery, bootsteps
from celery.signals import worker_init, worker_ready
from celery.utils.imports import symbol_by_name

from .. import schedule
from ..errors import ConfigurationError
from ..events import say
from ..settings import check_app, settings_for
from ..tickets import store_for
from .clock import WallClock
from .task import WATCH
from .waits import shorten

UNREAD: Final = 240
"""How many may wait where no worker takes them: each expires after so many periods.
In a long queue a watch that expired much sooner would never have its turn."""

DOCTOR: Final = "phanedge_celery.doctor:report_start"
"""By name: the doctor stands above, and only a worker that starts needs it."""

METRICS: Final = "phanedge_celery.contrib.prometheus:serve"
"""By name, as a room that is there only where ``phanedge_metrics`` asks for it."""


class WatchStarter(bootsteps.StartStopStep):
    """One daemon thread in each worker, that publishes the watch when it is due.

    A consumer step starts again after each reconnection, which a timer made in
    ``worker_ready`` does not; and what hangs in a thread stops no worker.
    """

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._stopped = threading.Event()
        self._clock = WallClock()

    def start(self, parent: Any) -> None:
        self._stopped = threading.Event()
        threading.Thread(
            target=_publish_until,
            args=(parent.app, parent.hostname, self._clock, self._stopped),
            name="phanedge-watch",
            daemon=True,
        ).start()

    def stop(self, parent: Any) -> None:
        self._stopped.set()

    shutdown = stop


def _publish_until(
    app: Celery, owner: str, clock: WallClock, stopped: threading.Event
) -> None:
    polls = settings_for(app).watch_polls
    while not stopped.wait(period := schedule.WATCH.published_every(polls=polls)):
        _mind(app, owner, clock)
        _publish(app, owner, period)


def _mind(app: Celery, owner: str, clock: WallClock) -> None:
    """See to it that no job waits for as long as *clock* was set back."""
    try:
        if clock.set_back > schedule.WATCH.grace:
            shorten(store_for(app), settings_for(app), time.time())
            say("clock_back", owner, f"{clock.set_back:.0f} s")
        clock.read()
    except Exception as error:  # noqa: BLE001 - like below: it is tried again
        say("watch_unsent", owner, type(error).__name__)


def _publish(app: Celery, owner: str, period: float) -> None:
    """Publish one watch, if no other worker has in this period.

    Whatever goes wrong: the thread lives on, since nobody else would notice.
    """
    try:
        if store_for(app).lease(WATCH, owner, max(period - 1, 0.9 * period)):
            # A new connection: a kept one may be dead, and take what it is given.
            with app.connection_for_write() as connection:
                app.send_task(
                    WATCH,
                    connection=connection,
                    retry=False,
                    expires=UNREAD * period,
                    ignore_result=True,
                )
    except Exception as error:  # noqa: BLE001
        say("watch_unsent", owner, type(error).__name__)


@worker_init.connect(weak=False)
def _begin(sender: Any, **_: Any) -> None:
    """Refuse to start on settings that cannot work; else watch."""
    try:
        settings = check_app(sender.app)
        if settings.metrics:
            symbol_by_name(METRICS)(sender.app, *settings.metrics)
    except ConfigurationError as error:
        raise SystemExit(f"phanedge_celery: {error}") from error
    sender.app.steps["consumer"].add(WatchStarter)


@worker_ready.connect(weak=False)
def _tell_hazards(sender: Any, **_: Any) -> None:
    pool = type(sender.pool).__module__.rpartition(".")[2]
    symbol_by_name(DOCTOR)(sender.app, pool)
