"""What the reply to a query means (contract, 3.2)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime
from typing import Final

from ..errors import FileUnavailable, JobFailed
from ..models import JobReport, JobStatus
from ..models.ids import wire_id
from .codes import VENDOR
from .envelope import code_of, text_of, vendor_fault
from .facts import Facts, no_reply, put_up_with
from .reply import NoReply, Reply
from .trouble import TOLERANCE, Trouble
from .urls import web_url

_DIRECT: Final = ("download_url", "video_url", "watermarked_url")
_REASONS: Final = ("error_message", "error")
_JOB: Final = ("task_id", "file_id", "base_resp")
_LARGEST: Final = 100_000

Verdict = JobReport | Trouble | None


def read_query(
    reply: Reply | NoReply,
    job_id: str,
    *,
    now: datetime | None = None,
    plain_hosts: Collection[str] = (),
) -> JobReport | Trouble:
    """Decide what became of the job: a report while it runs or when it succeeded.

    `JobFailed` and `ContentRejected` end it; any other trouble says nothing about
    the job itself. *plain_hosts* as in `web_url`.
    """
    if isinstance(reply, NoReply):
        return no_reply(reply, job_id)  # P1
    facts = Facts.of(reply, job_id, now)
    told = _told(facts, plain_hosts)
    return next(
        verdict for line in _LINES if (verdict := line(facts, told)) is not None
    )


def _p2_not_json(facts: Facts, told: JobReport | None) -> Verdict:
    if facts.body is not None:
        return None
    if facts.fault is None:
        return facts.again("The answer cannot be read")
    return put_up_with(facts, facts.fault, invalid=TOLERANCE)


def _p3_failed(facts: Facts, told: JobReport | None) -> Verdict:
    if told is None or not _lost(told) or not _about_a_job(facts):
        return None
    code = _code(facts)
    reason = told.reason or "unspecified"
    if isinstance(code, int) and VENDOR.get(code) == "content_policy":
        fault = vendor_fault(code, reason)
        return replace(facts.trouble(fault, job_id=told.job_id), report=told)
    message = f"The job ended as {told.status}: {reason}"
    error = facts.error(JobFailed, message, code, told.job_id)
    return Trouble(error=error, kind="failed", report=told)


def _p4_succeeded(facts: Facts, told: JobReport | None) -> Verdict:
    return told if told and _succeeded(told) and told.file_id else None


def _p5_rejected(facts: Facts, told: JobReport | None) -> Verdict:
    fault = facts.fault
    if fault is None or fault.kind != "content_policy" or not fault.vendor:
        return None
    return replace(facts.trouble(fault), report=told)


def _p6_no_file_id(facts: Facts, told: JobReport | None) -> Verdict:
    if told is None or not _succeeded(told):
        return None
    message = "The job succeeded, but the service names no file of it"
    error = facts.error(FileUnavailable, message, None, told.job_id)
    return Trouble(error=error, kind="missing_file", limit=TOLERANCE, report=told)


def _p7_to_p10_refused(facts: Facts, told: JobReport | None) -> Verdict:
    fault = facts.fault
    return put_up_with(facts, fault, invalid=TOLERANCE) if fault else None


def _p11_running(facts: Facts, told: JobReport | None) -> Verdict:
    return told


def _p12_says_nothing(facts: Facts, told: JobReport | None) -> Trouble:
    return facts.again("The answer has no status")


_LINES: Final[tuple[Callable[[Facts, JobReport | None], Verdict], ...]] = (
    _p2_not_json,
    _p3_failed,
    _p4_succeeded,
    _p5_rejected,
    _p6_no_file_id,
    _p7_to_p10_refused,
    _p11_running,
    _p12_says_nothing,
)
"""Lines P7 to P10 differ in the class of the fault alone; without one it is 2xx."""


def _told(facts: Facts, plain_hosts: Collection[str]) -> JobReport | None:
    """Return what the answer says of the job, None when it has no status."""
    status = JobStatus.read(facts.get("status"))
    if status is None:
        return None
    urls = (web_url(facts.get(key), plain_hosts) for key in _DIRECT)
    return JobReport(
        job_id=wire_id(facts.get("task_id")) or facts.job_id or "",
        platform_id=wire_id(facts.get("platform_id")),
        status=status,
        file_id=wire_id(facts.get("file_id")),
        width=_pixels(facts.get("video_width")),
        height=_pixels(facts.get("video_height")),
        reason=_reason(facts),
        download_url=next(filter(None, urls), None),
    )


def _succeeded(told: JobReport) -> bool:
    return told.status is JobStatus.SUCCESS


def _lost(told: JobReport) -> bool:
    return told.status.terminal and not _succeeded(told)


def _about_a_job(facts: Facts) -> bool:
    """Tell the vendor's answer from a proxy's ``{"status": "error"}`` beside a 502."""
    return facts.reply.ok or any(facts.get(key) is not None for key in _JOB)


def _code(facts: Facts) -> int | str | None:
    if facts.fault and facts.fault.vendor and facts.fault.code is not None:
        return facts.fault.code
    return code_of(facts.get("error_code"))


def _reason(facts: Facts) -> str | None:
    fault = facts.fault
    if fault and fault.vendor:
        return fault.text or f"code {fault.code}"
    texts = (text_of(facts.get(key)) for key in _REASONS)
    code = facts.get("error_code")
    return next(filter(None, texts), None) or (str(code_of(code)) if code else None)


def _pixels(value: object) -> int | None:
    number = code_of(value)
    return number if isinstance(number, int) and 0 < number < _LARGEST else None
