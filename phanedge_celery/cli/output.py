"""What is printed, for people or for scripts, without a secret in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import click


@dataclass(frozen=True)
class Output:
    """Answers go to stdout, all else to stderr.

    For scripts (*as_json*) an answer is one JSON object a line, an error too.
    """

    as_json: bool
    secrets: frozenset[str] = field(repr=False)

    def answer(self, data: Mapping[str, Any], *lines: str) -> None:
        """Print *data* for scripts, *lines* for people."""
        if self.as_json:
            self._print(json.dumps(data, ensure_ascii=False, default=str), err=False)
        else:
            for line in lines:
                self._print(line, err=False)

    def note(self, *lines: str) -> None:
        """Say something to whoever watches, on stderr."""
        for line in lines:
            self._print(line, err=True)

    def fail(self, kind: str, message: str) -> None:
        """Print an error as one line."""
        line = " ".join(message.split())
        if self.as_json:
            self.answer({"error": {"type": kind, "message": line}})
        else:
            self._print(f"Error: {line}", err=True)

    def _print(self, line: str, *, err: bool) -> None:
        click.echo(self.clean(line), err=err)

    def clean(self, line: str) -> str:
        """Return *line* without secrets, and without what would steer a terminal."""
        for secret in self.secrets:
            line = line.replace(secret, "***")
        return "".join(letter if letter.isprintable() else " " for letter in line)
