"""What the reply to a submission means (contract, 2.3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final

from ..errors import RequestInvalid, ServiceUnavailable, SubmissionUnknown
from ..models import Submission, plain_text
from ..models.ids import wire_id
from .codes import BEFORE_SUBMISSION
from .envelope import Fault, known_code_in, vendor_fault
from .facts import Facts
from .reply import NoReply, Reply
from .trouble import TOLERANCE, Trouble

AMBIGUOUS: Final = "ambiguous"


def read_create(
    reply: Reply | NoReply, *, now: datetime | None = None
) -> Submission | Trouble:
    """Decide whether a job was made, was not, or may have been.

    `SubmissionUnknown` is the answer to all that leaves it open; a limit other than
    0 means that nothing was made, so that the same request may be sent again.
    """
    if isinstance(reply, NoReply):
        return _c2_no_reply(reply) if reply.sent else _c1_never_connected(reply)
    facts = Facts.of(reply, None, now)
    return next(verdict for line in _LINES if (verdict := line(facts)) is not None)


def _c1_never_connected(reply: NoReply) -> Trouble:
    error = ServiceUnavailable(f"The service could not be reached: {reply.reason}")
    return Trouble(error=error, kind="retry", limit=None)


def _c2_no_reply(reply: NoReply) -> Trouble:
    error = SubmissionUnknown(f"No complete answer came: {reply.reason}")
    return Trouble(error=error, kind=AMBIGUOUS)


def _c3_c4_c7_refused(facts: Facts) -> Trouble | None:
    if facts.fault is None:
        return None
    fault = _settled(facts.fault)
    if fault.kind == "retry" and fault.code not in BEFORE_SUBMISSION:
        return _ambiguous(facts, fault.text)
    return _refused(facts, fault)


def _c5_created(facts: Facts) -> Submission | None:
    job_id, platform_id = _ids(facts)
    known = job_id or platform_id
    return Submission(job_id=known, platform_id=platform_id) if known else None


def _c6_no_id(facts: Facts) -> Trouble:
    if facts.body is None:
        return _ambiguous(facts, "its answer cannot be read")
    given = plain_text(repr(facts.get("task_id")), 60)
    return _ambiguous(facts, f"its answer names no job (task_id {given})")


_LINES: Final[tuple[Callable[[Facts], Submission | Trouble | None], ...]] = (
    _c3_c4_c7_refused,
    _c5_created,
    _c6_no_id,
)
"""Without a fault the status is 2xx, so line C7 may stand with the other refusals."""


def _ids(facts: Facts) -> tuple[str | None, str | None]:
    return wire_id(facts.get("task_id")), wire_id(facts.get("platform_id"))


def _ambiguous(facts: Facts, why: str) -> Trouble:
    job_id, platform_id = _ids(facts)
    message = f"The service may have taken the request or not: {why}"
    error = facts.error(SubmissionUnknown, message, None, job_id or platform_id)
    return Trouble(error=error, kind=AMBIGUOUS)


def _refused(facts: Facts, fault: Fault) -> Trouble:
    """Nothing was made; an id that came along proves nothing (contract, 2.3)."""
    job_id, platform_id = _ids(facts)
    known = job_id or platform_id
    if fault.code == "provider_not_found":
        return facts.trouble(fault, kind=fault.code, limit=TOLERANCE, job_id=known)
    if fault.kind == "not_found":
        hint = f"is phanedge_base_url right? {fault.text}".strip()
        wrong = replace(fault, kind="invalid_request", text=hint)
        return facts.trouble(wrong, RequestInvalid, job_id=known)
    passes = fault.kind in ("retry", "rate_limited")
    return facts.trouble(fault, limit=None if passes else 0, job_id=known)


def _settled(fault: Fault) -> Fault:
    """Read out of the gateway's ``submit_failed`` what it hides (contract, 5.3)."""
    if fault.code != "submit_failed":
        return fault
    text = fault.text.lower()
    if "sensitive" in text:
        return replace(fault, kind="content_policy")
    if "rate limit" in text:
        return replace(fault, kind="rate_limited")
    if code := known_code_in(text):
        return vendor_fault(code, fault.text)
    return replace(fault, kind="invalid_request") if "invalid params" in text else fault
