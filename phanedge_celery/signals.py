"""What happens to a job, for those who listen: `video_succeeded.connect(receiver)`.

Every signal carries ``id`` and ``ticket`` (`tickets.Ticket`); ``video_failed``
also ``error``, ``video_succeeded`` also ``video``. ``video_polled`` carries the
ticket of before the query, with ``outcome`` ("running", "succeeded", or what kind of
trouble the answer was) and ``seconds`` that it took. A receiver runs in the worker,
for a poll in any of its threads, and may be called more than once for one event; one
that raises is logged and never fails a job.
"""

from __future__ import annotations

from celery.utils.dispatch import Signal

__all__ = [
    "video_cancelled",
    "video_failed",
    "video_polled",
    "video_status_changed",
    "video_submitted",
    "video_succeeded",
]

video_submitted = Signal(name="video_submitted", providing_args=["id", "ticket"])
video_status_changed = Signal(
    name="video_status_changed", providing_args=["id", "ticket"]
)
video_succeeded = Signal(
    name="video_succeeded", providing_args=["id", "ticket", "video"]
)
video_failed = Signal(name="video_failed", providing_args=["id", "ticket", "error"])
video_cancelled = Signal(name="video_cancelled", providing_args=["id", "ticket"])
video_polled = Signal(
    name="video_polled", providing_args=["id", "ticket", "outcome", "seconds"]
)
