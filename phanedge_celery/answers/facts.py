"""One reply taken apart once, so that each line of a table can look at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..errors import JobNotFound, PhanEdgeError, ServiceUnavailable, UnexpectedAnswer
from .codes import USAGE_WINDOW
from .envelope import Fault, fault_of, request_id
from .reply import NoReply, Reply, json_object, retry_after
from .trouble import ERRORS, PATIENCE, TOLERANCE, Trouble, sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """A reply, its body if that is a JSON object, and what it complains of."""

    reply: Reply
    body: Mapping[str, Any] | None
    fault: Fault | None
    job_id: str | None
    now: datetime | None

    @classmethod
    def of(cls, reply: Reply, job_id: str | None, now: datetime | None) -> Facts:
        body = json_object(reply.body)
        fault = fault_of(reply, body)
        return cls(reply=reply, body=body, fault=fault, job_id=job_id, now=now)

    def get(self, key: str) -> Any:
        return self.body.get(key) if self.body else None

    def error(
        self,
        cls: type[PhanEdgeError],
        message: str,
        code: int | str | None = None,
        job_id: str | None = None,
    ) -> PhanEdgeError:
        """Return an error that knows which call it is about."""
        return cls(
            message,
            code if code is not None or self.fault is None else self.fault.code,
            job_id or self.job_id,
            self.reply.status,
            request_id(self.reply, self.body),
        )

    def trouble(
        self,
        fault: Fault,
        cls: type[PhanEdgeError] | None = None,
        *,
        kind: str | None = None,
        limit: int | None = 0,
        patient: bool = False,
        slow: bool = False,
        job_id: str | None = None,
    ) -> Trouble:
        """Return *fault* as the trouble that its class makes."""
        what = self.error(
            cls or ERRORS[fault.kind], sentence(fault), fault.code, job_id
        )
        return Trouble(
            error=what,
            kind=kind or fault.kind,
            limit=limit,
            patient=patient,
            slow=slow,
            retry_after=retry_after(self.reply, self.now),
        )

    def again(self, message: str) -> Trouble:
        """Return trouble that can pass: an answer out of which nothing can be read."""
        return Trouble(
            error=self.error(UnexpectedAnswer, message),
            kind="retry",
            limit=None,
            retry_after=retry_after(self.reply, self.now),
        )


def no_reply(reply: NoReply, job_id: str | None) -> Trouble:
    """Return what silence means where asking again does no harm (contract, P1)."""
    what = (
        "The service gave no complete answer" if reply.sent else "The service is away"
    )
    message = f"{what}: {reply.reason}" if reply.reason else what
    error = ServiceUnavailable(message, None, job_id)
    return Trouble(error=error, kind="retry", limit=None)


def put_up_with(facts: Facts, fault: Fault, *, invalid: int) -> Trouble:
    """Return how long *fault* is borne on a query or a file (contract, 3.2, 5.2, 5.3).

    *invalid* is how many refusals of the request itself, coded by the vendor, are.
    """
    if fault.kind in ("retry", "rate_limited"):
        return facts.trouble(fault, limit=None)
    if fault.vendor and fault.code == USAGE_WINDOW:
        return facts.trouble(fault, limit=None, slow=True)
    if fault.kind in ("auth", "balance", "not_found"):
        return facts.trouble(fault, limit=PATIENCE, patient=True)
    if fault.kind == "invalid_request":
        coded = fault.vendor and fault.code is not None
        return facts.trouble(fault, JobNotFound, limit=invalid if coded else 0)
    return facts.trouble(fault, limit=TOLERANCE if fault.kind == "unknown" else 0)
