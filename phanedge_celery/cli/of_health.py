"""The doctor's command."""

from __future__ import annotations

import click

from ..doctor import examine, findings
from . import wording
from .exits import Exit
from .session import Session


@click.option("--online", is_flag=True, help="Ask broker, stores, workers and API too.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=1),
    default=10,
    show_default=True,
    help="Seconds that all of them have together.",
)
def doctor(session: Session, timeout: float, *, online: bool) -> Exit:
    """Look for hazards in the settings, each with what to set.

    With --online one cheap question goes to the API, and one small file into the
    storage.
    """
    found = findings(session.app)
    if online:
        found += examine(session.app, seconds=timeout)
    errors = [each for each in found if each.severity == "error"]
    told = {
        "findings": [each.as_json() for each in found],
        "errors": len(errors),
        "warnings": len(found) - len(errors),
        "online": online,
    }
    lines = [line for each in found for line in wording.finding(each)]
    session.out.answer(told, *(lines or ["Nothing found."]))
    return Exit.BAD_NEWS if errors else Exit.OK
