"""How jobs and findings read on a terminal: pure text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, Final

from ..doctor import Finding

COLUMNS: Final = ("id", "stage", "status", "polls", "elapsed", "job_id", "error")
_WIDTHS: Final = (36, 10, 12, 5, 8, 18, 0)


def line(shown: Mapping[str, Any], now: datetime, width: int) -> str:
    """Return a running job as one line, at most *width* characters."""
    parts = [
        shown["stage"] or "waiting for a worker",
        shown["status"],
        f"{shown['polls']} polls" if shown["polls"] else None,
        _time(shown),
        _bytes(shown),
        _next(shown, now),
        "overdue" if shown["overdue"] else None,
        (shown["error"] or {}).get("message"),
    ]
    text = " · ".join(str(part) for part in parts if part)
    return text if len(text) < width else text[: max(width - 2, 0)] + "…"


def _time(shown: Mapping[str, Any]) -> str | None:
    if shown["elapsed"] is None:
        return None
    expected = shown["expected_seconds"]
    of = f" of about {clock(expected)}" if expected else ""
    return f"{clock(shown['elapsed'])}{of}"


def _bytes(shown: Mapping[str, Any]) -> str | None:
    done, total = shown["bytes_done"], shown["bytes_total"]
    if done is None:
        return None
    share = f" of {total / 1e6:.1f}" if total else ""
    return f"{done / 1e6:.1f}{share} MB"


def _next(shown: Mapping[str, Any], now: datetime) -> str | None:
    if not shown["next_poll_at"]:
        return None
    wait = datetime.fromisoformat(shown["next_poll_at"]) - now
    seconds = wait.total_seconds()
    return f"next in {clock(seconds)}" if seconds > 0 else None


def clock(seconds: float) -> str:
    """Return a duration as ``0:05``, ``12:40`` or ``1:02:03``."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def outcome(shown: Mapping[str, Any], how: str) -> Iterator[str]:
    """Yield what has become of a job, or how far it is, line by line."""
    told = [shown["id"], shown["stage"] or shown["state"], shown["status"]]
    yield "  ".join(str(part) for part in told if part)
    for name, value in (shown["video"] or {}).items():
        if value is not None:
            yield f"  {name:<13} {value}"
    if not shown["video"] and shown["job_id"]:
        yield f"  {'job_id':<13} {shown['job_id']}"
    if error := shown["error"]:
        yield f"  {error['type']}: {error['message']}"
        if shown["stage"] == "failed" and error["resumable"]:
            yield f"  Go on with it:  {how} resume {shown['id']}"


def heading() -> str:
    return _row(COLUMNS)


def row(shown: Mapping[str, Any]) -> str:
    """Return a job as one line of the table."""
    error = (shown["error"] or {}).get("type")
    stage = f"{shown['stage']}{' !' if shown['overdue'] else ''}"
    elapsed = None if shown["elapsed"] is None else clock(shown["elapsed"])
    told = (shown["id"], stage, shown["status"], shown["polls"], elapsed)
    return _row((*told, shown["job_id"], error))


def _row(cells: Sequence[Any]) -> str:
    shown = ("–" if cell is None else str(cell) for cell in cells)
    padded = (cell.ljust(width) for cell, width in zip(shown, _WIDTHS, strict=True))
    return "  ".join(padded).rstrip()


def finding(each: Finding) -> Iterator[str]:
    """Yield one finding as a short paragraph."""
    yield f"{each.code} {each.severity}: {each.what}"
    yield f"    {each.why}"
    yield f"    Set:  {each.setting}"


def masked(shown: Mapping[str, Any]) -> dict[str, Any]:
    """Return a job without the signature of its download URL, which is a secret."""
    video = shown["video"]
    if not video or not video.get("download_url"):
        return dict(shown)
    plain, mark, _ = video["download_url"].partition("?")
    return {**shown, "video": {**video, "download_url": plain + (mark and "?…")}}


def now() -> datetime:
    return datetime.now(timezone.utc)
