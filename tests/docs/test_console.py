"""Every command in the documentation is one that can be typed."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import click
import pytest
from celery.bin.worker import worker

from phanedge_celery.cli.group import phanedge
from phanedge_celery.testing.__main__ import _parser
from tests.docs.pages import ROOT, blocks

TYPED: Final = [
    pytest.param(command, id=f"{block.where} {command[:40]}")
    for block in blocks("console")
    for command in block.commands
]


def celery(words: list[str]) -> None:
    """A subcommand of ours, or the worker: its options exist."""
    assert words[0] == "-A"
    if words[2] == "worker":
        worker.make_parser(context(worker)).parse_args(words[3:])
        return
    assert words[2] == "phanedge", words
    name, *rest = words[3:]
    command = phanedge.commands[name]
    command.make_parser(context(command)).parse_args(list(rest))


def context(command: click.Command) -> click.Context:
    return click.Context(command, info_name=command.name)


def make(words: list[str]) -> None:
    """A target, and perhaps a variable, of the Makefile."""
    dry = ["make", "--dry-run", *words]
    subprocess.run(dry, cwd=ROOT, check=True, capture_output=True, timeout=60)


def pip(words: list[str]) -> None:
    """An installation of ours, by extras that we have."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    wanted = re.findall(r"\[([\w,-]+)\]", " ".join(words))
    extras = {extra for group in wanted for extra in group.split(",")}

    assert words[0] == "install"
    assert all(re.search(rf"^{extra} = \[", project, re.MULTILINE) for extra in extras)


def python(words: list[str]) -> None:
    """The fake, another module of ours, a file of the examples, or manage.py."""
    if words[:2] == ["-m", "phanedge_celery.testing"]:
        _parser().parse_args(words[2:])
    elif words[0] == "-m":
        assert find_spec(words[1]), words
    elif words[0] != "manage.py":
        assert list(ROOT.glob(f"examples/**/{Path(words[0]).name}")), words


def anything(words: list[str]) -> None:
    """A command that is not ours to check."""


KNOWN: Final[Mapping[str, Callable[[list[str]], None]]] = {
    "celery": celery,
    "docker": anything,
    "export": anything,
    "flask": anything,
    "git": anything,
    "kubectl": anything,
    "make": make,
    "pip": pip,
    "python": python,
}


@pytest.mark.parametrize("command", TYPED)
def test_a_command_of_the_documentation_can_be_typed(command: str) -> None:
    words = shlex.split(command.partition("  #")[0])
    while "=" in words[0]:
        words.pop(0)
    first, *rest = words

    KNOWN[first](rest)
