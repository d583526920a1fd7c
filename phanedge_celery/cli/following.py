"""Following a job on a terminal; the job does not need it."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Mapping
from typing import Any, Final

import click
from celery import states

from ..producer import video_progress
from ..tickets import TicketStoreUnavailable
from . import wording
from .exits import Exit
from .session import Session

EVERY: Final = 1.0
"""Seconds between two looks."""

PATIENCE: Final = 60.0
"""Seconds without a ticket store, once there was one, before following ends."""


def follow_to_end(session: Session, id: str, *, with_url: bool) -> Exit:
    """Show a job until it has ended, then what it came to.

    Ctrl-C ends the looking alone, and says how to look again.
    """
    try:
        shown = _until_ended(session, id)
    except KeyboardInterrupt:
        _clear()
        again = f"The job goes on. Follow it again:  {session.how} follow {id}"
        session.out.note(again)
        return Exit.INTERRUPTED
    return tell(session, shown, with_url=with_url)


def tell(session: Session, shown: Mapping[str, Any], *, with_url: bool) -> Exit:
    """Print a job as it is; what is said of its end is the exit code."""
    shown = shown if with_url else wording.masked(shown)
    session.out.answer(shown, *wording.outcome(shown, session.how))
    bad = shown["state"] in (states.FAILURE, states.REVOKED)
    return Exit.BAD_NEWS if bad else Exit.OK


def _until_ended(session: Session, id: str) -> Mapping[str, Any]:
    seen = time.monotonic()
    shown = video_progress(id, app=session.app)
    while shown["state"] not in states.READY_STATES:
        _show(session, wording.line(shown, wording.now(), _columns()))
        time.sleep(EVERY)
        try:
            shown, seen = video_progress(id, app=session.app), time.monotonic()
        except TicketStoreUnavailable:
            if time.monotonic() - seen > PATIENCE:
                raise
            _show(session, "the ticket store is out of reach; trying again")
    _clear()
    return shown


def _columns() -> int:
    return shutil.get_terminal_size().columns


def _show(session: Session, line: str) -> None:
    """Write over the line before, where somebody is looking."""
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[K{session.out.clean(line)}", nl=False, err=True)


def _clear() -> None:
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", nl=False, err=True)
