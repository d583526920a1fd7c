"""Describing a finished job's file."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, Final

from . import moves
from .answers import Trouble
from .answers.file import MISSING
from .models import JobReport, file_id_of, job_id_of
from .moves import End, HandOver, Move
from .steps import Step

_OF_FILE: Final = {"filename", "bytes", "created_at", "download_url"}


def retrieve(step: Step, file: Any, job_id: Any) -> Move:
    """Ask for the file that *file* names, and go on to save it where that is wanted."""
    file_id, job_id, report = _named(step, file, job_id)
    answer = step.client.retrieve(file_id, job_id)
    known: dict[str, Any] = {"file_id": file_id, "job_id": job_id}
    if isinstance(answer, Trouble):
        return _wait_for_file(step, answer, known)
    video = moves.video_of(
        step.ticket,
        report,
        **answer.model_dump(mode="json", include=_OF_FILE),
        file_id=file_id,
        job_id=job_id,
        retrieved_at=datetime.now(timezone.utc),
    )
    if step.ticket.save_to:
        return _save_next(step, **known, video=video, **moves.CLEARED)
    return End(video=video, changes=known)


def _named(step: Step, file: Any, job_id: Any) -> tuple[str, str | None, Any]:
    """Return file id, job id and report, from what a caller may name a file by."""
    report = None
    if isinstance(file, Mapping):
        report = JobReport.model_validate(file)
        file, job_id = report.file_id, job_id or report.job_id
    job_id = step.ticket.job_id or job_id
    return file_id_of(file), job_id and job_id_of(job_id), report


def _wait_for_file(step: Step, trouble: Trouble, known: dict[str, Any]) -> Move:
    """Wait trouble out; a file without a URL may still be saved another way (E4)."""
    move = step.wait_out(trouble, **known)
    outlasted = isinstance(move, End) and trouble.kind == MISSING
    if outlasted and step.ticket.save_to:
        return _save_next(step, **known)
    return move


def _save_next(step: Step, **changes: Any) -> HandOver:
    return moves.save_next(step.ticket, time.time(), step.settings.max_wait, **changes)
