"""The jobs that have not ended, counted in the ticket store at each scrape."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

from celery import Celery
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from phanedge_celery import schedule
from phanedge_celery.tickets import Stage, TicketStoreUnavailable, store_for

LIVE: Final = tuple(str(stage) for stage in Stage if not stage.ended)


class Waiting(Collector):
    """Every worker tells the same, since all share the store."""

    def __init__(self, app: Celery) -> None:
        self._app = app

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily(
            "phanedge_ticket_store_up", "Did the ticket store answer?"
        )
        try:
            found = store_for(self._app).tally(time.time() - schedule.WATCH.grace)
        except TicketStoreUnavailable:
            up.add_metric((), 0)
            yield up
            return
        up.add_metric((), 1)
        jobs = GaugeMetricFamily(
            "phanedge_jobs", "Jobs that have not ended.", labels=("stage",)
        )
        overdue = GaugeMetricFamily(
            "phanedge_jobs_overdue",
            f"Of those, due more than {schedule.WATCH.grace:g} s ago.",
            labels=("stage",),
        )
        for stage in dict.fromkeys((*LIVE, *found)):
            many, late = found.get(stage, (0, 0))
            jobs.add_metric((stage,), many)
            overdue.add_metric((stage,), late)
        yield from (up, jobs, overdue)
