"""Text from elsewhere, made safe to keep."""

from __future__ import annotations

import re

# Control characters, and surrogates that no other half completes: a database or a
# terminal refuses them.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
_QUERY = re.compile(r"(?i)((?:https?:)?//[^\s?#\"'<>]+)[?#][^\s\"'<>]*")
_TOKEN = re.compile(r"(?i)\b(bearer\s+|sk-)(?=[\w.~+/=-]*\d)[\w.~+/=-]{8,}")


def plain_text(text: str, limit: int) -> str:
    """Return *text* on one line, at most *limit* characters, fit to be stored.

    Without tokens, and URLs without their query: whoever holds a signed URL can read
    the video, so it stays out of errors and logs.
    """
    line = _UNSAFE.sub(" ", text[: 4 * limit]).strip()
    line = _TOKEN.sub(r"\1…", _QUERY.sub(r"\1?…", line))
    return line if len(line) <= limit else line[: limit - 1] + "…"
