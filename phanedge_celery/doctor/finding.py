"""What the doctor finds: one hazard, with its code and its remedy."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One hazard in an app's configuration, or in what it runs on."""

    code: str
    """As in `TABLE`; it never changes its meaning."""
    severity: Severity
    """``error``: jobs fail, stand still or get lost. ``warning``: they may, one day."""
    what: str
    why: str
    setting: str
    """The setting to change, spelled as this app spells it, or what to do instead."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


TABLE: Final = {
    "phanedge.E001": "the phanedge_* settings cannot work",
    "phanedge.W002": "no API key",
    "phanedge.W003": "the API key travels in the clear",
    "phanedge.W004": "a setting that nobody reads",
    "phanedge.E010": "a result backend that not everybody can read",
    "phanedge.E011": "results that are ignored",
    "phanedge.E012": "no ticket store",
    "phanedge.W013": "tickets in the memory of one process",
    "phanedge.W014": "results that expire before the job does",
    "phanedge.E020": "a broker that loses messages",
    "phanedge.E021": "a broker that Celery cannot load",
    "phanedge.W022": "no queue of our own",
    "phanedge.W023": "a visibility timeout below the longest wait",
    "phanedge.E024": "quorum queues without delayed delivery",
    "phanedge.W025": "a limit on waiting messages in a shared queue",
    "phanedge.W026": "a Celery that does not survive a restart of Redis",
    "phanedge.W030": "eager mode",
    "phanedge.W031": "greenlets that leak connections to Redis",
    "phanedge.W032": "annotations that weaken the steps",
    "phanedge.W040": "pickle is accepted",
    "phanedge.W041": "a secret that `celery report` shows",
    "phanedge.E050": "a storage that cannot be opened",
    "phanedge.E101": "the broker is out of reach",
    "phanedge.E102": "the result backend is out of reach",
    "phanedge.E103": "the ticket store is out of reach",
    "phanedge.E104": "the API is out of reach",
    "phanedge.E105": "the API key is refused",
    "phanedge.W106": "the account is out of credit",
    "phanedge.E107": "the storage takes no file",
    "phanedge.E108": "nobody works on our queue",
    "phanedge.E109": "a worker on our queue that throws jobs away",
    "phanedge.E110": "a ticket store that forgets when it is full",
    "phanedge.W111": "this clock and the ticket store's differ",
}
"""Every code: E is an error, W a warning; from 101 on something online was asked."""


def found(code: str, *, what: str, why: str, setting: str) -> Finding:
    """Return the finding ``phanedge.<code>``."""
    full = f"phanedge.{code}"
    severity: Severity = "error" if code.startswith("E") else "warning"
    if full not in TABLE:
        raise KeyError(full)
    return Finding(code=full, severity=severity, what=what, why=why, setting=setting)
