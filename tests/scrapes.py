"""Reading a worker's page of metrics, as Prometheus would."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.error import URLError
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from tests.processes import wait_for

NONE: Final = 0.0


class Page:
    """What one worker serves; a sample is asked for by name and labels."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/metrics"

    def text(self) -> str:
        def answer() -> str:
            try:
                with urlopen(self.url, timeout=10) as reply:
                    return str(reply.read().decode())
            except URLError:
                return ""

        return wait_for(answer, 20, what=f"an answer of {self.url}")

    def samples(self) -> dict[str, float]:
        """Return every sample by ``name`` or ``name{value of its label}``."""
        return {
            sample.name
            + "".join(f"{{{value}}}" for value in sample.labels.values()): sample.value
            for family in text_string_to_metric_families(self.text())
            for sample in family.samples
        }

    def value(self, name: str) -> float:
        return self.samples().get(name, NONE)

    def await_value(self, name: str, least: float, timeout: float = 30) -> float:
        """Wait until a sample is at least that; return it."""
        seen: Callable[[], bool] = lambda: self.value(name) >= least  # noqa: E731
        wait_for(seen, timeout, every=0.2, what=lambda: f"{name}: {self.text()}")
        return self.value(name)
