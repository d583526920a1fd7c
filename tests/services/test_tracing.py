"""What a tracer sees of a job: one long span, and short ones that link to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest
from celery import Celery
from opentelemetry.instrumentation.celery import CeleryInstrumentor
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext, format_span_id, format_trace_id

from phanedge_celery import cancel_video, enqueue_video
from phanedge_celery.contrib.opentelemetry import PhanEdgeInstrumentor, context_of
from phanedge_celery.testing import FakePhanEdge, Timeline
from phanedge_celery.tickets import Stage
from tests.apps.plain import environment
from tests.apps.traced import FILE, spans_in
from tests.servers import RedisServer
from tests.stacks import QUICK, producer, ticket_in
from tests.workers import WorkerProcess, wait_for

WATCH: Final = '{"period": 1, "polls_every": 0.5, "turn": 0.5, "grace": 15}'

Span = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Traced:
    """A web process and a worker, both instrumented."""

    app: Celery
    fake: FakePhanEdge
    file: Path
    memory: InMemorySpanExporter
    """Of the web process."""

    def enqueue(self, *steps: Any, **options: Any) -> str:
        prompt = f"A cat, {uuid4().hex[:8]}."
        self.fake.script(*steps, prompt=prompt)
        request = {"model": "MiniMax-Hailuo-02", "prompt": prompt}
        return enqueue_video(request, app=self.app, **options).id

    def job(self, id: str) -> Span:
        """Wait for the span of a job."""
        (job,) = wait_for(lambda: self.about(id, "phanedge.job"), 20)
        return job

    def about(self, id: str, name: str) -> list[Span]:
        """Return the worker's spans of that name that are the job, or link to it."""
        return [
            span
            for span in spans_in(self.file)
            if span["name"] == name
            and (where(span["context"]) == job_of(id) or job_of(id) in linked(span))
        ]


def job_of(id: str) -> tuple[int, int]:
    context = context_of(id)
    return context.trace_id, context.span_id


def where(context: dict[str, str]) -> tuple[int, int]:
    return int(context["trace_id"], 16), int(context["span_id"], 16)


def linked(span: Span) -> list[tuple[int, int]]:
    return [where(link["context"]) for link in span["links"]]


def seconds(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def heard(span: Span) -> dict[str, float]:
    """Return when the span saw each of the vendor's words, in its own order."""
    return {
        event["attributes"]["phanedge.status"]: seconds(event["timestamp"])
        for event in span["events"]
        if event["name"] == "phanedge.status"
    }


def length(span: Span) -> float:
    return seconds(span["end_time"]) - seconds(span["start_time"])


@pytest.fixture(scope="module", params=["messages", "watch"])
def traced(
    request: pytest.FixtureRequest,
    redis_server: RedisServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Traced]:
    file, databases = tmp_path_factory.mktemp("traced") / "spans", redis_server.fresh()
    memory = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    with FakePhanEdge() as fake:
        env = environment(
            broker=databases.broker,
            backend=databases.backend,
            base_url=fake.url,
            schedule=QUICK,
            phanedge_api_key=fake.key,
            phanedge_watch_polls=request.param == "watch",
        )
        env |= {"PHANEDGE_TEST_WATCH": WATCH, FILE: str(file)}
        with producer(env) as app, WorkerProcess(env, module="tests.apps.traced"):
            celery: Any = CeleryInstrumentor
            celery().instrument(tracer_provider=provider)
            try:
                yield Traced(app=app, fake=fake, file=file, memory=memory)
            finally:
                celery().uninstrument()


def asked(traced: Traced, id: str) -> ReadableSpan:
    """Return the web process's span in which the job was asked for."""
    (span,) = (
        span
        for span in traced.memory.get_finished_spans()
        if span.name == "apply_async/phanedge.submit_video"
        and (span.attributes or {}).get("messaging.message.id") == id
    )
    return span


def at(context: SpanContext | None) -> tuple[int, int]:
    assert context is not None
    return context.trace_id, context.span_id


def test_a_jobs_span_lasts_as_long_as_the_job_and_all_else_links_to_it(
    traced: Traced,
) -> None:
    id = traced.enqueue("Queueing", "Processing", "Success")
    ticket = ticket_in(traced.app, id, Stage.DONE)
    job = traced.job(id)

    assert seconds(job["start_time"]) == pytest.approx(ticket.since, abs=0.001)
    assert seconds(job["end_time"]) == pytest.approx(ticket.ended_at, abs=0.001)
    assert job["parent_id"] is None
    assert job["attributes"]["phanedge.job_id"] == ticket.job_id
    assert {"phanedge.submitted", "phanedge.retrieved"} <= {
        event["name"] for event in job["events"]
    }
    assert linked(job) == [at(asked(traced, id).context)]
    assert heard(job) == {
        status: pytest.approx(ticket.since + after, abs=0.1)
        for status, after in ticket.history.items()
    }
    assert list(heard(job)) == ["Queueing", "Processing", "Success"]
    times = [seconds(job["start_time"]), *heard(job).values(), seconds(job["end_time"])]
    assert times == sorted(times)

    polls = traced.about(id, "phanedge.poll")
    told = [poll["attributes"]["phanedge.outcome"] for poll in polls]
    assert told.count("running") == 2
    assert set(told) == {"running", "succeeded"}
    assert all(0 <= length(poll) < 5 for poll in polls)
    assert traced.about(id, "run/phanedge.submit_video")


def test_the_submit_step_and_its_post_stand_in_the_trace_of_who_asked(
    traced: Traced,
) -> None:
    id = traced.enqueue("Success")
    ticket_in(traced.app, id, Stage.DONE)
    traced.job(id)
    (run,) = traced.about(id, "run/phanedge.submit_video")
    posts = [
        span
        for span in spans_in(traced.file)
        if span["name"] == "POST" and span["parent_id"] == run["context"]["span_id"]
    ]

    trace_id, span_id = at(asked(traced, id).context)
    assert run["context"]["trace_id"] == f"0x{format_trace_id(trace_id)}"
    assert run["parent_id"] == f"0x{format_span_id(span_id)}"
    assert len(posts) == 1


def test_waiting_is_no_error_and_a_failure_is_one(traced: Traced) -> None:
    failing = traced.enqueue("Processing", "Processing", "Fail")
    cancelled = traced.enqueue(Timeline.seconds(processing=600))
    ticket_in(traced.app, failing, Stage.FAILED)
    ticket_in(traced.app, cancelled, Stage.POLLING)
    cancel_video(cancelled, app=traced.app)
    failed, given_up = traced.job(failing), traced.job(cancelled)

    assert failed["status"]["status_code"] == "ERROR"
    assert failed["attributes"]["error.type"] == "JobFailed"
    assert list(heard(failed)) == ["Processing", "Fail"]
    assert list(heard(given_up)) == ["Processing"]
    assert given_up["status"]["status_code"] == "UNSET"
    assert given_up["attributes"]["phanedge.stage"] == "cancelled"
    *waits, _last = traced.about(failing, "run/phanedge.poll_video")
    assert [run["status"]["status_code"] for run in waits] == ["UNSET"] * len(waits)


def test_an_instrumentor_that_was_switched_off_hears_nothing_more(
    redis_server: RedisServer,
) -> None:
    from phanedge_celery import signals

    PhanEdgeInstrumentor().instrument()
    listening = len(signals.video_polled.receivers)
    PhanEdgeInstrumentor().uninstrument()

    assert len(signals.video_polled.receivers) == listening - 1
