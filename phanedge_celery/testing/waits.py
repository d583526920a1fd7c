"""A schedule without waits, for jobs that run in the test's own process."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

AT_ONCE: Final = {
    "first": 0,
    "every": 0,
    "slow_every": 0,
    "jitter": 0,
    "retry_first": 0,
    "retry_max": 0,
    "limited_first": 0,
    "patience": 0,
}
"""`phanedge_schedule` for a service that answers from this machine."""


@contextmanager
def without_waits(app: Any) -> Iterator[None]:
    """Let the jobs of a Celery app ask again at once.

    Raises `ValueError` unless ``phanedge_base_url`` is an address of this machine: a
    real service would be asked as fast as it answers.
    """
    url = getattr(app.conf, "phanedge_base_url", None)
    url = url or os.environ.get("PHANEDGE_BASE_URL") or ""
    if not _is_here(str(url)):
        raise ValueError(f"no waits only against a fake on this machine, not {url!r}")
    before = getattr(app.conf, "phanedge_schedule", None)
    app.conf.phanedge_schedule = AT_ONCE
    try:
        yield
    finally:
        app.conf.phanedge_schedule = before


def _is_here(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
