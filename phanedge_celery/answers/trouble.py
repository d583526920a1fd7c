"""An answer that is not the one hoped for, and how long it is put up with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ..errors import (
    AuthenticationFailed,
    ContentRejected,
    JobNotFound,
    PhanEdgeError,
    QuotaExhausted,
    RateLimited,
    RequestInvalid,
    ServiceUnavailable,
    UnexpectedAnswer,
)
from ..models import JobReport
from .codes import INPUT_REJECTED, Kind
from .envelope import Fault

PATIENCE: Final = 2
"""Auth, balance and not-found answers stop at the third in a row, at the earliest."""

TOLERANCE: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """An answer that is not the one hoped for."""

    error: PhanEdgeError
    """What the job ends with, if it ends here."""
    kind: str
    """The name under which troubles in a row are counted."""
    limit: int | None = 0
    """How many in a row are waited out: 0 stops at once, None at the deadline only."""
    patient: bool = False
    """And never stops before `PollSchedule.patience` seconds since the first."""
    slow: bool = False
    """Ask again at the longest wait."""
    retry_after: float | None = None
    """Seconds that the service asks to wait."""
    report: JobReport | None = None
    """What the answer says of the job all the same."""


ERRORS: Final[Mapping[Kind, type[PhanEdgeError]]] = {
    "retry": ServiceUnavailable,
    "rate_limited": RateLimited,
    "auth": AuthenticationFailed,
    "balance": QuotaExhausted,
    "invalid_request": RequestInvalid,
    "content_policy": ContentRejected,
    "not_found": JobNotFound,
    "unknown": UnexpectedAnswer,
}

_LEADS: Final[Mapping[Kind, str]] = {
    "retry": "The service could not answer just now",
    "rate_limited": "The service takes no more requests just now",
    "auth": "The service refused the API key",
    "balance": "The account or its key is out of credit",
    "invalid_request": "The service refused the request",
    "content_policy": "The content policy refused the video",
    "not_found": "The service does not know this job",
    "unknown": "The service gave a code that this version does not know",
}

_BEHIND: Final[Mapping[Kind, str]] = {
    "auth": (
        "The vendor refused the gateway's account; this says nothing about your own"
        " API key"
    ),
    "balance": (
        "The gateway's account at the vendor is out of credit or quota; this says"
        " nothing about your own"
    ),
}
"""Behind the gateway the vendor's codes are about another account (contract, 5.2)."""


def sentence(fault: Fault) -> str:
    """Return what went wrong, for people; the service's own words come last."""
    lead = _LEADS[fault.kind]
    if fault.vendor:
        lead = _BEHIND.get(fault.kind, lead)
    if fault.code == INPUT_REJECTED:
        lead = "The content policy refused the prompt or an image"
    return f"{lead}: {fault.text}" if fault.text else lead
