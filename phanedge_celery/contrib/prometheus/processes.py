"""How the processes of a prefork pool count into one place."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from typing import Any, Final

from celery.platforms import current_process  # type: ignore[attr-defined]
from prometheus_client import values

FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"


def count_together() -> str:
    """Let this process and its future children count into files; return the folder.

    To be called before the pool is forked. Where ``PROMETHEUS_MULTIPROC_DIR`` names
    a folder, whoever set it sees to it. Otherwise it is one of our own, made anew at
    each start, where files belong to a place in the pool instead of a pid: the
    process that takes a dead one's place goes on with its numbers.
    """
    if given := os.environ.get(FOLDER):
        return given
    folder = tempfile.mkdtemp(prefix="phanedge-metrics-")
    atexit.register(_remove, folder, os.getpid())
    os.environ[FOLDER] = folder
    # What decides on the class of values looked at the environment at its import.
    shared: Any = values.MultiProcessValue
    values.ValueClass = shared(process_identifier=place)
    return folder


def place() -> str:
    """Return what no other process of this worker is called at the same time."""
    return str(getattr(current_process(), "index", "main"))


def _remove(folder: str, owner: int) -> None:
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)
