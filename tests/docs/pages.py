"""The pages of the documentation, and the blocks of code in them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"
PAGES: Final = (*sorted(DOCS.glob("*.md")), *sorted(ROOT.glob("README*.md")))

_BLOCK: Final = re.compile(
    r"^(?P<margin> *)```(?: *\{ *\.)?(?P<language>\w*)[^\n]*\n"
    r"(?P<text>.*?)^(?P=margin)```",
    re.DOTALL | re.MULTILINE,
)
_INCLUDED: Final = re.compile(r'^--8<-- "([^"]+)"$', re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One fenced block."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def where(self) -> str:
        return f"{self.page.name}:{self.line}"

    @property
    def included(self) -> str | None:
        """The file that this block is, if it is one, from the root."""
        found = _INCLUDED.search(self.text)
        return found[1] if found else None

    @property
    def is_test(self) -> bool:
        """Is it for pytest?"""
        return "def test_" in self.text

    @property
    def commands(self) -> list[str]:
        """What is typed in a block of the language console."""
        lines = self.text.replace("\\\n", " ").splitlines()
        return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]


def blocks(*languages: str, page: Path | None = None) -> Iterator[Block]:
    """Yield the blocks in these languages, of one page or of all."""
    for each in PAGES if page is None else (page,):
        text = each.read_text(encoding="utf-8")
        for found in _BLOCK.finditer(text):
            if found["language"] in languages:
                yield Block(
                    page=each,
                    line=text.count("\n", 0, found.start()) + 1,
                    language=found["language"],
                    text=textwrap.dedent(found["text"]),
                )


def table(page: str, heading: str) -> list[list[str]]:
    """Return the rows, cell by cell, of the table whose first head is *heading*."""
    lines = (DOCS / page).read_text(encoding="utf-8").splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith(f"| {heading} "))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def coded(text: str) -> list[str]:
    """Return what stands between backticks."""
    return re.findall(r"`([^`]+)`", text)
