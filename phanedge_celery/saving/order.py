"""What is to be saved, and where its file is to be had."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..answers import Trouble
from ..errors import FileUnavailable, RequestInvalid
from ..models import FileRecord, JobReport, Video
from ..storage import check_name, filled
from ..tickets import Ticket

if TYPE_CHECKING:
    from ..client import Client


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One file to be saved under one name."""

    name: str
    overwrite: bool
    job_id: str | None
    file_id: str | None
    video: Video
    """What the caller knows of it."""

    @classmethod
    def of(cls, ticket: Ticket, video: Any, save_to: Any, *, overwrite: bool) -> Order:
        """Read what `save_file` was called with. Raises `RequestInvalid`."""
        name, known = check_name(save_to), Video.read(video)
        job_id = ticket.job_id or known.job_id
        file_id = ticket.file_id or known.file_id
        if not (job_id or file_id or known.download_url):
            raise RequestInvalid("the video names no file: no file_id, no job_id")
        return cls(
            name=filled(name, job_id=job_id, file_id=file_id),
            overwrite=overwrite,
            job_id=job_id,
            file_id=file_id,
            video=known,
        )

    @property
    def can_refresh(self) -> bool:
        """Can the service be asked for another URL?"""
        return bool(self.file_id or self.job_id)


def find(client: Client, order: Order) -> FileRecord | Trouble:
    """Ask for the file's description, with a fresh URL.

    A job whose file id never came may still tell a URL in its report (contract, P6).
    """
    if order.file_id:
        return client.retrieve(order.file_id, order.job_id)
    if order.job_id:
        return _by_job(client, client.query(order.job_id))
    return FileRecord(file_id="", download_url=order.video.download_url)


def _by_job(client: Client, answer: JobReport | Trouble) -> FileRecord | Trouble:
    report = answer.report if isinstance(answer, Trouble) else answer
    if report and report.file_id:
        return client.retrieve(report.file_id, report.job_id)
    if report and report.download_url:
        return FileRecord(file_id="", download_url=report.download_url)
    if isinstance(answer, Trouble):
        return answer
    error = FileUnavailable(f"The job is {answer.status}; it has no file yet")
    return Trouble(error=error.about(answer.job_id), kind="retry", limit=None)


def fresh(video: Any, save_to: Any) -> dict[str, str]:
    """Return what is plain in the arguments, for the ticket of a job that has none."""
    given: Mapping[str, Any] = video if isinstance(video, Mapping) else {}
    seen = {
        "job_id": given.get("job_id"),
        "platform_id": given.get("platform_id"),
        "file_id": given.get("file_id"),
        "save_to": save_to,
    }
    return {name: text for name, text in seen.items() if isinstance(text, str)}
