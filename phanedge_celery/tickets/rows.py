"""A ticket as a store's row: JSON as text, the stage as its word."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from .store import TicketUnreadable
from .ticket import ENDED, FORMAT, Stage, Ticket

log = logging.getLogger("phanedge_celery.tickets")

Scalar = str | int | float | bool | None
Row = dict[str, Scalar]


def _parsed(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


PARSERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "id": str,
    "version": int,
    "stage": Stage,
    "key": str,
    "request_sha256": str,
    "model": str,
    "resolution": str,
    "job_id": str,
    "platform_id": str,
    "file_id": str,
    "save_to": str,
    "max_wait": float,
    "retrieve": lambda value: bool(int(value)),
    "status": str,
    "history": _parsed,
    "polls": int,
    "errors": _parsed,
    "error": _parsed,
    "video": _parsed,
    "since": float,
    "submitted_at": float,
    "ended_at": float,
    "deadline": float,
    "next_at": float,
    "resends": int,
    "message": _parsed,
    "format": int,
}
"""How each field is read from its row, whether the row holds text or numbers."""

FIELDS: Final = tuple(PARSERS)
JSON: Final = frozenset({"history", "errors", "error", "video", "message"})
OVER: Final = tuple(sorted(str(stage) for stage in ENDED))
compact: Final = json.JSONEncoder(separators=(",", ":")).encode

_NEVER_NONE: Final = frozenset({"history", "errors"})
_COUNTED: Final = frozenset({"id", "version", "since", "resends", "format"})
_CHANGEABLE: Final = frozenset(FIELDS) - _COUNTED


def row(ticket: Ticket) -> Row:
    """Return all of *ticket*, what is None included."""
    return {name: _scalar(name, getattr(ticket, name)) for name in FIELDS}


def changed(stage: Stage, changes: Mapping[str, Any]) -> Row:
    """Return what an advance writes, but for what it counts; raise TypeError."""
    if unknown := changes.keys() - _CHANGEABLE:
        raise TypeError(f"an advance cannot change {', '.join(sorted(unknown))}")
    written = {name: _scalar(name, value) for name, value in changes.items()}
    return {**written, "stage": str(stage)}


def ticket(row: Mapping[str, Any]) -> Ticket:
    """Return the ticket of *row*; fields that this version does not know stay there."""
    if (found := int(row.get("format") or FORMAT)) > FORMAT:
        raise TicketUnreadable(str(row["id"]), found)
    return Ticket(
        **{
            name: PARSERS[name](value)
            for name, value in row.items()
            if value is not None and name in PARSERS
        }
    )


def readable(
    found: Iterable[Mapping[str, Any]], error: str | None = None
) -> Iterator[Ticket]:
    """Yield the tickets of these rows, those with that type of *error* if one is named.

    Those of a newer format are left out: a warning names them.
    """
    for row in found:
        known = _known(row)
        if known and has_error(known, error):
            yield known


def _known(row: Mapping[str, Any]) -> Ticket | None:
    try:
        return ticket(row)
    except TicketUnreadable as error:
        log.warning("phanedge.unreadable: %s", error, extra={"phanedge.id": error.id})
        return None


def has_error(ticket: Ticket, kind: str | None) -> bool:
    """Is *kind* the type of the ticket's error? None is any ticket, without one too."""
    return kind is None or bool(ticket.error and ticket.error.get("type") == kind)


def _scalar(name: str, value: Any) -> Scalar:
    if name in JSON:
        nothing = value is None or (name in _NEVER_NONE and not value)
        return None if nothing else compact(value)
    return str(value) if name == "stage" else value
