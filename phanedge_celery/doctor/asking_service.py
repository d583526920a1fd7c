"""Whether the API takes our key, and the storage a file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from celery import Celery

from ..answers import Trouble
from ..errors import (
    AuthenticationFailed,
    JobNotFound,
    PhanEdgeError,
    QuotaExhausted,
    ServiceUnavailable,
)
from ..settings import settings_for
from ..storage import open_storage
from .finding import Finding, found

NO_JOB: Final = "1"
"""To ask after a job that is not there costs nothing, and needs a good key."""

PROBE: Final = "phanedge-doctor.txt"
"""The one file that is written, over and over."""


def api(app: Celery) -> Iterator[Finding]:
    from ..client import Client

    settings = settings_for(app)
    if settings.api_key is None:
        return
    connect, read = settings.timeout
    quick = settings.model_copy(update={"timeout": (min(connect, 3), min(read, 8))})
    client = Client(quick, pool_size=1)
    try:
        answer = client.query(NO_JOB)
    finally:
        client.close()
    if isinstance(answer, Trouble):
        yield from _meaning(answer.error)


def _meaning(error: PhanEdgeError) -> Iterator[Finding]:
    if isinstance(error, AuthenticationFailed):
        yield found(
            "E105",
            what=f"{error.message}.",
            why="Every call fails; jobs wait five minutes and then end with it.",
            setting="phanedge_api_key, or what PHANEDGE_API_KEY_FILE names",
        )
    elif isinstance(error, QuotaExhausted):
        yield found(
            "W106",
            what=f"{error.message}.",
            why="Nothing can be submitted; jobs end with QuotaExhausted, resumable.",
            setting="top the account up, then: phanedge resume --error QuotaExhausted",
        )
    elif isinstance(error, ServiceUnavailable) or _is_elsewhere(error):
        yield found(
            "E104",
            what=f"The API cannot be reached: {error.message}",
            why="Jobs wait until it answers, at most until their deadline.",
            setting="phanedge_base_url; a proxy by HTTPS_PROXY",
        )


def _is_elsewhere(error: PhanEdgeError) -> bool:
    """Is it a 404 without a word of the service's own? Then it is not the service."""
    return isinstance(error, JobNotFound) and error.code is None


def storage(app: Celery) -> Iterator[Finding]:
    url = settings_for(app).storage
    if url is None:
        return
    place = open_storage(url)
    workplace = place.workplace(PROBE)
    workplace.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=workplace) as folder:
        file = Path(folder) / PROBE
        file.write_text("`celery phanedge doctor --online` writes this file.\n")
        place.put(PROBE, file, overwrite=True, beat=lambda: None)
    yield from ()
