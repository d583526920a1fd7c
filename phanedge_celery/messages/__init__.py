"""A job's next message: built from a request, stored, stamped with a version, sent."""

from __future__ import annotations

from .building import first, handed_over, received, with_travelled, without_canvas
from .callbacks import name_callbacks
from .sending import resend, send, send_next
from .stamp import FORMAT, HEADER, MessageUnreadable, Stamp, stamp_for

__all__ = [
    "FORMAT",
    "HEADER",
    "MessageUnreadable",
    "Stamp",
    "first",
    "handed_over",
    "name_callbacks",
    "received",
    "resend",
    "send",
    "send_next",
    "stamp_for",
    "with_travelled",
    "without_canvas",
]
