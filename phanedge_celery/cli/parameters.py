"""What may be typed: a time, a stage, the name of an error, a request."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from .. import errors
from ..tickets import Stage

F = TypeVar("F", bound=Callable[..., Any])

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_AGO: Final = re.compile(r"(\d+(?:\.\d+)?)([smhd])")

STAGES: Final = click.Choice([str(stage) for stage in Stage])
ERRORS: Final = click.Choice(
    [name for name in errors.__all__ if name != "PhanEdgeError"]
)


class Since(click.ParamType[float]):
    """``90s``, ``30m``, ``2h`` or ``7d`` ago, or an ISO 8601 time (UTC if bare)."""

    name = "when"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        try:
            return since(str(value), time.time())
        except ValueError:
            self.fail(f"{value!r} is neither 30m, 2h, 7d nor an ISO 8601 time.")


def since(text: str, now: float) -> float:
    """Return the Unix time that *text* means. Raises `ValueError`."""
    if ago := _AGO.fullmatch(text.strip()):
        return now - float(ago[1]) * _UNITS[ago[2]]
    at = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    return (at if at.tzinfo else at.replace(tzinfo=timezone.utc)).timestamp()


def filters(function: F) -> F:
    """Let a command choose jobs by error, age, and being overdue."""
    function = click.option(
        "--since", "since_", type=Since(), help="Jobs begun since: 30m, 2h, 7d, a time."
    )(function)
    function = click.option(
        "--error", type=ERRORS, help="Jobs with this error, waited out ones too."
    )(function)
    return click.option(
        "--overdue", is_flag=True, help="Jobs whose next message was due 30 s ago."
    )(function)


def following(function: F) -> F:
    """Let a command follow what it has begun, or not."""
    function = click.option(
        "--with-url",
        is_flag=True,
        help="Print the download URL whole: whoever holds it can read the video.",
    )(function)
    function = click.option(
        "--max-wait", type=float, help="Seconds that the job is followed by the tasks."
    )(function)
    function = click.option("--save-to", help="Keep the file under this name.")(
        function
    )
    return click.option(
        "-d", "--detach", is_flag=True, help="Print the id, and do not wait."
    )(function)


def request_of(text: str | None, **fields: Any) -> dict[str, Any]:
    """Return the request in *text*: JSON, ``@file``, or ``-`` for stdin.

    *fields* win over what is in it. Raises `click.BadParameter`.
    """
    try:
        read = json.loads(_text(text)) if text else {}
    except (OSError, ValueError) as error:
        raise click.BadParameter(f"is no JSON: {error}", param_hint="REQUEST") from None
    if not isinstance(read, Mapping):
        raise click.BadParameter("is no JSON object", param_hint="REQUEST")
    return {**read, **{k: v for k, v in fields.items() if v is not None}}


def _text(text: str) -> str:
    if text == "-":
        return sys.stdin.read()
    if text.startswith("@"):
        return Path(text[1:]).read_text(encoding="utf-8")
    return text
