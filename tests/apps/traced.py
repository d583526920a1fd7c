"""The watched app in a worker that traces, and appends its spans to a file.

`PHANEDGE_TEST_SPANS` names the file; each line is one span as JSON.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from opentelemetry.instrumentation.celery import CeleryInstrumentor
from opentelemetry.instrumentation.urllib3 import URLLib3Instrumentor
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import (
    SimpleSpanProcessor,
    SpanExporter,
    SpanExportResult,
)

from phanedge_celery.contrib.opentelemetry import PhanEdgeInstrumentor
from tests.apps.watched import app

__all__ = ["app"]

FILE = "PHANEDGE_TEST_SPANS"


class Appends(SpanExporter):
    """Several processes may append at once: a line is one write."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        text = "".join(span.to_json(indent=None) + "\n" for span in spans)
        out = os.open(os.environ[FILE], os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)
        try:
            os.write(out, text.encode())
        finally:
            os.close(out)
        return SpanExportResult.SUCCESS


def spans_in(path: Path) -> list[dict[str, Any]]:
    """Return the spans that workers have written so far."""
    text = path.read_text() if path.exists() else ""
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


INSTRUMENTORS: Final[Sequence[Any]] = (
    CeleryInstrumentor,
    URLLib3Instrumentor,
    PhanEdgeInstrumentor,
)

if FILE in os.environ:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(Appends()))
    for instrumentor in INSTRUMENTORS:
        instrumentor().instrument(tracer_provider=provider)
