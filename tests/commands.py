"""Commands called in this process, as a script would call them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from celery import Celery
from celery.bin.base import CLIContext
from click.testing import CliRunner

from phanedge_celery.cli import phanedge


@dataclass(frozen=True)
class Called:
    """What a command has printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """What it printed for scripts, one object a line."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def row(self) -> dict[str, Any]:
        [only] = self.rows
        return only


def call(app: Celery, *words: str, input: str | None = None) -> Called:
    """Call `celery phanedge WORDS…` of *app*; an error of ours is raised."""
    context = CLIContext(app=app, no_color=True, workdir=None)
    done = CliRunner().invoke(phanedge, words, input=input, obj=context)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Called(done.exit_code, done.stdout, done.stderr)
