"""What the commands exit with, so that scripts can tell."""

from __future__ import annotations

import sys
from enum import IntEnum
from typing import Final

from kombu.exceptions import OperationalError

from ..errors import ConfigurationError, JobNotFound, PhanEdgeError, RequestInvalid
from ..tickets import TicketStoreUnavailable


class Exit(IntEnum):
    """The exit codes; they never change their meaning."""

    OK = 0
    BAD_NEWS = 1
    """The job failed or was cancelled, it was too late to cancel, or the doctor found
    an error."""
    USAGE = 2
    """Such a command or request cannot be carried out; nothing was done."""
    UNREACHABLE = 3
    """Broker, result backend or ticket store is out of reach."""
    UNKNOWN_ID = 4
    SETTINGS = 5
    """The settings cannot work."""
    INTERRUPTED = 130
    """Ctrl-C; the job goes on."""


_MEANT: Final[tuple[tuple[type[Exception], Exit], ...]] = (
    (RequestInvalid, Exit.USAGE),
    (JobNotFound, Exit.UNKNOWN_ID),
    (ConfigurationError, Exit.SETTINGS),
    (PhanEdgeError, Exit.BAD_NEWS),
    (TicketStoreUnavailable, Exit.UNREACHABLE),
    (OperationalError, Exit.UNREACHABLE),
    (OSError, Exit.UNREACHABLE),
)
_OURS: Final = frozenset({"phanedge_celery", "click", "pydantic", "pydantic_core"})


def exit_for(error: Exception) -> Exit | None:
    """Return what *error* means to a script, None for a mistake of ours.

    A result backend that is away raises errors of its own library.
    """
    for kind, meant in _MEANT:
        if isinstance(error, kind):
            return meant
    library = type(error).__module__.partition(".")[0]
    foreign = library not in _OURS and library not in sys.stdlib_module_names
    return Exit.UNREACHABLE if foreign else None
