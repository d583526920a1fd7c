"""What is counted and timed, signal by signal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from prometheus_client import Counter, Histogram

from phanedge_celery import signals
from phanedge_celery.results import moment
from phanedge_celery.tickets import Ticket

from .models import Models

_POLL: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_DELAY: Final = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300)
_JOB: Final = (15, 30, 60, 90, 120, 180, 240, 300, 450, 600, 900, 1200, 1800, 3600)


class Measures:
    """Counters and histograms, in whose registry is nobody: the files are read."""

    def __init__(self) -> None:
        self._models = Models()
        self._submitted = _counter(
            "phanedge_jobs_submitted", "Jobs that the vendor has accepted.", "model"
        )
        self._ended = _counter(
            "phanedge_jobs_ended",
            "Ends: succeeded, cancelled, or the class of the error.",
            "outcome",
        )
        self._polls = _counter(
            "phanedge_polls",
            "Queries: running, succeeded, or the kind of trouble.",
            "outcome",
        )
        self._saved = _counter("phanedge_files_saved", "Files kept in the storage.")
        self._bytes = _counter("phanedge_saved_bytes", "Bytes of the files kept.")
        self._poll = _histogram(
            "phanedge_poll_duration_seconds", "How long a query took.", _POLL
        )
        self._job = _histogram(
            "phanedge_job_duration_seconds",
            "From the job id to the result, of jobs that succeeded.",
            _JOB,
            "model",
        )
        self._delay = _histogram(
            "phanedge_detection_delay_seconds",
            "From the file's creation, as the vendor tells it, to the result.",
            _DELAY,
        )

    def listen(self) -> None:
        """Count from now on what happens in this process and its children."""
        for signal, receiver in (
            (signals.video_submitted, self._on_submitted),
            (signals.video_polled, self._on_polled),
            (signals.video_succeeded, self._on_succeeded),
            (signals.video_failed, self._on_failed),
            (signals.video_cancelled, self._on_cancelled),
        ):
            signal.connect(receiver, weak=False)

    def _on_submitted(self, ticket: Ticket, **_: Any) -> None:
        self._submitted.labels(self._models.label(ticket.model)).inc()

    def _on_polled(self, outcome: str, seconds: float, **_: Any) -> None:
        self._polls.labels(outcome).inc()
        self._poll.observe(seconds)

    def _on_succeeded(self, ticket: Ticket, video: Any, **_: Any) -> None:
        self._ended.labels("succeeded").inc()
        if ticket.submitted_at is not None and ticket.ended_at is not None:
            model = self._models.label(ticket.model)
            self._job.labels(model).observe(ticket.ended_at - ticket.submitted_at)
        if (delay := detection_delay(ticket, video)) is not None:
            self._delay.observe(delay)
        if video.get("saved_to"):
            self._saved.inc()
            self._bytes.inc(video.get("bytes") or 0)

    def _on_failed(self, error: Mapping[str, Any], **_: Any) -> None:
        self._ended.labels(error["type"]).inc()

    def _on_cancelled(self, **_: Any) -> None:
        self._ended.labels("cancelled").inc()


def detection_delay(ticket: Ticket, video: Mapping[str, Any]) -> float | None:
    """Return the seconds from the file's creation to the result, where both are known.

    None for a time that cannot be meant: before the job or after its end.
    """
    created, begun = moment(video.get("created_at")), ticket.submitted_at
    ended = ticket.ended_at
    if created is None or begun is None or ended is None:
        return None
    # The vendor tells whole seconds, and the job was made before the POST was answered.
    return ended - created if begun - 2 <= created <= ended else None


def _counter(name: str, help: str, *labels: str) -> Counter:
    return Counter(name, help, labels, registry=None)


def _histogram(
    name: str, help: str, buckets: tuple[float, ...], *labels: str
) -> Histogram:
    return Histogram(name, help, labels, registry=None, buckets=buckets)
