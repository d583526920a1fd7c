"""The vendor's word for a job, in all its spellings."""

from __future__ import annotations

from enum import Enum

from .texts import plain_text

LONGEST = 64


class JobStatus(str, Enum):
    """The vendor's word for a job (contract, table 3.1).

    ``JobStatus("task_status_succeed") is JobStatus.SUCCESS``: every known spelling
    is read, in any case. A word that nobody knows is kept as it came, at most 64
    characters of it, as a member of its own that is not terminal.
    """

    PREPARING = "Preparing"
    QUEUEING = "Queueing"
    PROCESSING = "Processing"
    SUCCESS = "Success"
    FAIL = "Fail"
    CANCELLED = "Cancelled"
    EXPIRED = "Expired"

    @property
    def terminal(self) -> bool:
        """Does nothing change after this status?"""
        return self in _TERMINAL

    @property
    def known(self) -> bool:
        """Is this one of the words that the contract lists?"""
        return self in _KNOWN

    @classmethod
    def read(cls, word: object) -> JobStatus | None:
        """Return the status that a word from the wire means, None when it is none."""
        try:
            return cls(word)
        except ValueError:
            return None

    @classmethod
    def _missing_(cls, value: object) -> JobStatus | None:
        if not isinstance(value, str):
            return None
        word = str(value).strip()
        return _SYNONYMS.get(word.lower()) or _unknown(plain_text(word, LONGEST))

    def __reduce_ex__(self, protocol: object) -> tuple[type[JobStatus], tuple[str]]:
        # Some Pythons would look a word of nobody's up by its name, in vain.
        return JobStatus, (self._value_,)

    __str__ = str.__str__


def _unknown(word: str) -> JobStatus | None:
    """Return a member for *word*; none for what only looks like a known one now."""
    if not word or word.lower() in _SYNONYMS:
        return None
    status = str.__new__(JobStatus, word)
    status._name_ = status._value_ = word
    return status


_KNOWN = frozenset(JobStatus)
_TERMINAL = frozenset(
    {JobStatus.SUCCESS, JobStatus.FAIL, JobStatus.CANCELLED, JobStatus.EXPIRED}
)
_SPELLINGS = {
    JobStatus.PREPARING: "preparing",
    JobStatus.QUEUEING: "queueing queued task_status_queued submitted",
    JobStatus.PROCESSING: (
        "processing running in_progress pending waiting task_status_processing"
    ),
    JobStatus.SUCCESS: (
        "success succeeded completed finish finished done task_status_succeed succeed"
    ),
    JobStatus.FAIL: "fail failed error exception task_status_failed failure",
    JobStatus.CANCELLED: "cancelled canceled",
    JobStatus.EXPIRED: "expired",
}
_SYNONYMS = {
    word: status for status, words in _SPELLINGS.items() for word in words.split()
}
