"""One span for each job, in OpenTelemetry's own way of being switched on."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Collection, Iterator, Mapping
from contextvars import ContextVar
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.instrumentation.instrumentor import (  # type: ignore[attr-defined]
    BaseInstrumentor,
)
from opentelemetry.propagate import extract
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode

from phanedge_celery import signals
from phanedge_celery.results import moment
from phanedge_celery.tickets import Ticket

SCOPE: Final = "phanedge_celery"
JOBS: Final = "phanedge_celery.jobs"
"""The scope of job spans, whose ids are not drawn by lot."""


class PhanEdgeInstrumentor(BaseInstrumentor):  # type: ignore[misc]
    """Writes ``phanedge.job`` at a job's end and ``phanedge.poll`` at each poll.

    The job's span has a trace of its own, whose ids follow from the Celery id: so the
    spans of polls, written hours before it by any process, link to it. It links back
    to the span that asked for the job. ``tracer_provider`` as in other instrumentors.
    """

    def instrumentation_dependencies(self) -> Collection[str]:
        return ()

    def _instrument(self, **kwargs: Any) -> None:
        self._spans = JobSpans(kwargs.get("tracer_provider"))
        for signal, receiver in self._spans.receivers():
            signal.connect(receiver, weak=False)

    def _uninstrument(self, **kwargs: Any) -> None:
        for signal, receiver in self._spans.receivers():
            signal.disconnect(receiver)


class JobSpans:
    """What is written at which signal."""

    def __init__(self, provider: trace.TracerProvider | None) -> None:
        self._provider = provider

    def receivers(self) -> Iterator[tuple[Any, Any]]:
        yield signals.video_submitted, self.on_submitted
        yield signals.video_polled, self.on_polled
        yield signals.video_status_changed, self.on_status_changed
        for ends in ("video_succeeded", "video_failed", "video_cancelled"):
            yield getattr(signals, ends), self.on_end

    def on_submitted(self, ticket: Ticket, **_: Any) -> None:
        trace.get_current_span().add_link(context_of(ticket.id))

    def on_polled(self, ticket: Ticket, outcome: str, seconds: float, **_: Any) -> None:
        """Write the query that has just been made, and link the task's span, too."""
        job, now = context_of(ticket.id), time.time()
        trace.get_current_span().add_link(job)
        span = trace.get_tracer(SCOPE, tracer_provider=self._provider).start_span(
            "phanedge.poll",
            kind=SpanKind.CLIENT,
            attributes=_attributes(ticket) | {"phanedge.outcome": outcome},
            links=[Link(job)],
            start_time=_nanoseconds(now - seconds),
        )
        span.end(_nanoseconds(now))

    def on_status_changed(self, ticket: Ticket, **_: Any) -> None:
        told = {"phanedge.id": ticket.id, "phanedge.status": ticket.status or ""}
        trace.get_current_span().add_event("phanedge.status", told)

    def on_end(self, ticket: Ticket, **_: Any) -> None:
        """Write the job, from its beginning to its end."""
        chosen = _job.set(ticket.id)
        try:
            span = self._tracer().start_span(
                "phanedge.job",
                context=Context(),
                kind=SpanKind.CONSUMER,
                attributes=_attributes(ticket),
                links=[Link(asked) for asked in _asked_by(ticket)],
                start_time=_nanoseconds(ticket.since),
            )
        finally:
            _job.reset(chosen)
        end = ticket.ended_at or time.time()
        for name, at, about in _moments(ticket):
            span.add_event(name, about, timestamp=_nanoseconds(min(at, end)))
        if ticket.error:
            error = ticket.error
            span.set_attribute("error.type", error["type"])
            span.set_status(Status(StatusCode.ERROR, error["message"]))
        span.end(_nanoseconds(end))

    def _tracer(self) -> Any:
        tracer: Any = trace.get_tracer(JOBS, tracer_provider=self._provider)
        tracer = getattr(tracer, "_tracer", tracer)
        tracer.id_generator = _IdsOfJobs()
        return tracer


class _IdsOfJobs:
    """An IdGenerator of the SDK, for the job that `_job` names."""

    def generate_trace_id(self) -> int:
        return context_of(_job.get()).trace_id

    def generate_span_id(self) -> int:
        return context_of(_job.get()).span_id

    def is_trace_id_random(self) -> bool:
        """Return whether samplers may take its bits for dice: a digest's are."""
        return True


_job: ContextVar[str] = ContextVar("phanedge_job")


def context_of(id: str) -> SpanContext:
    """Return where the span of the job with this Celery id is, or will be."""
    digest = hashlib.sha256(f"phanedge:{id}".encode()).digest()
    return SpanContext(
        trace_id=int.from_bytes(digest[:16], "big") or 1,
        span_id=int.from_bytes(digest[16:24], "big") or 1,
        is_remote=True,
        trace_flags=trace.TraceFlags(trace.TraceFlags.SAMPLED),
    )


def _asked_by(ticket: Ticket) -> Iterator[SpanContext]:
    """Yield the span whose context came with the job's first message, if one did."""
    headers = ((ticket.message or {}).get("options") or {}).get("headers") or {}
    found = trace.get_current_span(extract(headers, context=Context()))
    if found.get_span_context().is_valid:
        yield found.get_span_context()


def _attributes(ticket: Ticket) -> dict[str, Any]:
    known = {
        "phanedge.id": ticket.id,
        "phanedge.job_id": ticket.job_id,
        "phanedge.model": ticket.model,
        "phanedge.resolution": ticket.resolution,
        "phanedge.stage": str(ticket.stage),
        "phanedge.status": ticket.status,
        "phanedge.polls": ticket.polls,
    }
    return {name: value for name, value in known.items() if value is not None}


def _moments(ticket: Ticket) -> Iterator[tuple[str, float, dict[str, str]]]:
    """Yield what is known of the job's way, in order: name, time, attributes."""
    video: Mapping[str, Any] = ticket.video or {}
    moments = {
        "phanedge.submitted": ticket.submitted_at,
        "phanedge.file_created": moment(video.get("created_at")),
        "phanedge.retrieved": moment(video.get("retrieved_at")),
    }
    known: list[tuple[str, float, dict[str, str]]] = [
        (name, at, {}) for name, at in moments.items() if at is not None
    ]
    known += [
        ("phanedge.status", ticket.since + after, {"phanedge.status": status})
        for status, after in ticket.history.items()
    ]
    yield from sorted(known, key=lambda each: each[1])


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1e9)
