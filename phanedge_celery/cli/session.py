"""One call of a command: its app, its output, and how it fails."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click
from celery import Celery

from ..doctor.secrets import secrets_of
from ..models import plain_text
from .exits import Exit, exit_for
from .output import Output

Act = Callable[..., Exit]


@dataclass(frozen=True)
class Session:
    """What a command works with."""

    app: Celery
    out: Output
    how: str
    """The words before a command: ``celery -A proj phanedge``."""

    @classmethod
    def of(cls, context: click.Context, *, as_json: bool) -> Session:
        app: Celery = context.obj.app
        # Also sets Django up, without which its tickets cannot be read.
        app.loader.import_default_modules()
        return cls(app, Output(as_json, secrets_of(app)), _how(context))


def command(act: Act) -> click.Command:
    """Make a command of *act*, which takes a `Session` and returns an exit code.

    Every command has ``--json``; whatever is out of reach makes one line.
    """

    def run(as_json: bool, **given: Any) -> None:  # noqa: FBT001 - click's own call
        context = click.get_current_context()
        session = Session.of(context, as_json=as_json)
        context.exit(_carry_out(session, act, given))

    parameters = list(getattr(act, "__click_params__", ()))[::-1]
    return click.Command(
        act.__name__.rstrip("_"),
        callback=run,
        params=[*parameters, _JSON],
        help=act.__doc__,
    )


_JSON = click.Option(
    ["--json", "as_json"],
    is_flag=True,
    help="One JSON object a line, for scripts; errors too.",
)


def _carry_out(session: Session, act: Act, given: dict[str, Any]) -> Exit:
    try:
        return act(session, **given)
    except (click.ClickException, click.exceptions.Exit):
        raise
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except Exception as error:
        meant = exit_for(error)
        if meant is None:
            raise
        session.out.fail(type(error).__name__, _told(error, meant))
        return meant


def _told(error: Exception, meant: Exit) -> str:
    text = plain_text(str(error), 400) or type(error).__name__
    away = meant is Exit.UNREACHABLE
    return f"out of reach: {text}" if away else text


def _how(context: click.Context) -> str:
    app = context.find_root().params.get("app")
    named = f" -A {shlex.quote(app)}" if isinstance(app, str) else ""
    return f"celery{named} phanedge"
