"""What can be made to go wrong with an answer of the fake."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from .samples import sample_named

ENDPOINTS = ("create", "query", "retrieve", "content", "file")
"""E1 to E4 of the contract, then the file's own URL."""
HANG_UPS = (None, "reset", "close", "unread", "stale")


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One way to spoil an answer. What is not set stays as it would have been.

    `sample`, `status`, `body` or `location` replace the answer, and then the
    endpoint does nothing, unless `accepts`; all else distorts the true one:
    `Fault(delay=5)` answers rightly, late. `Fault(accepts=True, hang_up="reset")`
    makes the job and loses the answer.
    """

    sample: str | None = None
    """Name of a sample body, with its status; the ids become those of the job."""
    status: int | None = None
    body: str | Mapping[str, Any] | None = None
    """Text, or JSON; `{job_id}`, `{file_id}`, `{download_url}` are filled in."""
    headers: Mapping[str, str] = field(default_factory=dict)
    retry_after: float | None = None
    """Seconds, sent as such."""
    retry_after_date: float | None = None
    """Seconds from now, sent as an HTTP date."""
    location: str | None = None
    """Redirect there; `self` is the URL asked for."""
    accepts: bool | None = None
    """Does the endpoint do its work (make the job, count the poll) nevertheless?"""
    delay: float = 0
    """Seconds before the first byte."""
    hang_up: str | None = None
    """`reset` or `close` instead of an answer (with `cut`: after it), `unread`: reset
    before the body was read, `stale`: close quietly after a whole answer."""
    cut: float | None = None
    """Bytes of the body that arrive: a count, a fraction under 1, or less than the
    whole when negative."""
    drip: tuple[int, float] | None = None
    """So many bytes, then a pause of so many seconds, and again."""
    chunked: bool = False
    no_length: bool = False
    """No Content-Length: the body ends where the connection does."""
    length_off: int = 0
    """Added to the true Content-Length."""
    pad: int = 0
    """Bytes of white space after the body."""
    verbatim: bool = False
    """Leave the sample's ids and URLs as they are."""
    changes_file: bool = False
    """The file's content is another one afterwards."""

    def __post_init__(self) -> None:
        if self.sample is not None:
            sample_named(self.sample)
        if self.hang_up not in HANG_UPS:
            raise ValueError(f"hang_up is one of {HANG_UPS}, not {self.hang_up!r}")

    @classmethod
    def read(cls, fields: Mapping[str, Any]) -> Fault:
        """Return the fault that `as_json` wrote."""
        drip = fields.get("drip")
        return cls(**{**fields, "drip": tuple(drip) if drip else None})

    def as_json(self) -> dict[str, Any]:
        return {k: v for k, v in asdict(self).items() if v != getattr(POLITE, k)}

    @property
    def replaces(self) -> bool:
        """Is the endpoint's own answer thrown away?"""
        new = (self.sample, self.status, self.body, self.location)
        return any(part is not None for part in new)

    @property
    def silent(self) -> bool:
        """Does the connection end before an answer begins?"""
        return self.hang_up in ("reset", "close", "unread") and self.cut is None

    @property
    def acts(self) -> bool:
        """Does the endpoint do its work?"""
        if self.accepts is not None:
            return self.accepts
        made = (self.sample or "").startswith(("create_ok", "create_no_id"))
        return made or not (self.replaces or self.silent)


POLITE = Fault()
"""No fault at all."""


@dataclass
class Rule:
    """A fault with the requests that it is for; raises `ValueError` on others."""

    fault: Fault
    on: Collection[str]
    job_id: str | None = None
    prompt: str | None = None
    left: int | None = 1
    until: float | None = None
    skip: int = 0

    def __post_init__(self) -> None:
        if strange := set(self.on) - set(ENDPOINTS):
            raise ValueError(f"{strange} are none of {ENDPOINTS}")

    def wants(self, endpoint: str, ids: Collection[str], prompt: str) -> bool:
        """Is this request one of mine?"""
        if endpoint not in self.on or self.left == 0:
            return False
        if self.job_id is not None and self.job_id not in ids:
            return False
        return self.prompt is None or (endpoint == "create" and self.prompt in prompt)

    def takes(self) -> bool:
        """Count a request of mine; is it one to spoil?"""
        if self.skip:
            self.skip -= 1
            return False
        if self.left is not None:
            self.left -= 1
        return True


class FaultQueue:
    """The faults to come; the first that fits a request is played."""

    def __init__(self) -> None:
        self._rules: list[Rule] = []
        self._lock = threading.Lock()

    def add(self, rule: Rule) -> None:
        with self._lock:
            self._rules.append(rule)

    @property
    def by_prompt(self) -> bool:
        """Does a fault wait for a prompt?"""
        return any(rule.prompt is not None for rule in self._rules)

    def clear(self, on: Collection[str] = ENDPOINTS) -> None:
        """Forget what is queued for any of these endpoints."""
        with self._lock:
            self._rules = [r for r in self._rules if not set(r.on) & set(on)]

    def left(self) -> list[dict[str, Any]]:
        """Return what is still to come, as JSON."""
        with self._lock:
            return [
                {"on": list(rule.on), "job_id": rule.job_id, "left": rule.left}
                | {"fault": rule.fault.as_json()}
                for rule in self._rules
            ]

    def take(
        self,
        endpoint: str,
        ids: Collection[str],
        prompt: str,
        now: float,
    ) -> Fault | None:
        """Return the fault for this request, None when it goes well."""
        if not self._rules:
            return None
        with self._lock:
            self._drop_spent(now)
            for rule in self._rules:
                if rule.wants(endpoint, ids, prompt) and rule.takes():
                    return rule.fault
        return None

    def _drop_spent(self, now: float) -> None:
        self._rules = [
            rule
            for rule in self._rules
            if rule.left != 0 and (rule.until is None or now < rule.until)
        ]
