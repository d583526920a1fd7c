"""The tables of these pages that the code itself is the source of.

    python docs/tables.py

writes them anew, between `<!-- begin NAME -->` and `<!-- end -->`. A test sees that
they are current.
"""

from __future__ import annotations

import ast
import logging
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

DOCS: Final = Path(__file__).resolve().parent
PACKAGE: Final = DOCS.parent / "phanedge_celery"
sys.path.insert(0, str(PACKAGE.parent))

from phanedge_celery.doctor import TABLE  # noqa: E402
from phanedge_celery.events import EVENTS  # noqa: E402

CHOSEN_AT_RUN_TIME: Final[Mapping[str, Sequence[str]]] = {
    "str(stage)": ("done", "failed"),
    "_event(error)": ("soft_time_limit", "newer_format", "store_away"),
}
"""Events whose name stands in no call, by the expression that chooses it."""


def events() -> list[str]:
    """Return a row for each event of the log: name, level, what it tells, meaning."""
    told = fields()
    rows = ["| event | level | beside the id | |", "|---|---|---|---|"]
    for event, (level, meaning) in EVENTS.items():
        more = ", ".join(f"`{name}`" for name in sorted(told[event]))
        known = f"`phanedge.{event}` | {logging.getLevelName(level)} | {more or '–'}"
        rows.append(f"| {known} | {meaning} |")
    return rows


def doctor() -> list[str]:
    return ["| code | |", "|---|---|", *(f"| `{c}` | {w} |" for c, w in TABLE.items())]


def fields() -> Mapping[str, set[str]]:
    """Return, by event, what its calls tell beside what all of them do."""
    found: dict[str, set[str]] = defaultdict(set)
    for call in calls():
        why = {"why"} if len(call.args) > 2 else set()
        for event in named_by(call):
            found[event] |= why | {str(word.arg) for word in call.keywords}
    return found


def calls() -> Iterator[ast.Call]:
    for file in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "say":
                yield node


def named_by(call: ast.Call) -> Sequence[str]:
    """Return which events a call of `say` may be about. Raises `KeyError`."""
    chosen = call.args[0]
    if isinstance(chosen, ast.Constant):
        return (str(chosen.value),)
    return CHOSEN_AT_RUN_TIME[ast.unparse(chosen)]


TABLES: Final[Mapping[str, Callable[[], list[str]]]] = {
    "doctor": doctor,
    "events": events,
}
_PLACE: Final = re.compile(
    r"(<!-- begin (\w+) -->\n\n).*?(\n\n<!-- end -->)", re.DOTALL
)


def current(page: str) -> str:
    """Return the text of a page with its tables as the code has them now."""

    def table(found: re.Match[str]) -> str:
        return found[1] + "\n".join(TABLES[found[2]]()) + found[3]

    return _PLACE.sub(table, page)


def main() -> int:
    for file in sorted(DOCS.glob("*.md")):
        page = file.read_text(encoding="utf-8")
        if current(page) != page:
            file.write_text(current(page), encoding="utf-8")
            print(f"{file.name} is written anew")
    return 0


if __name__ == "__main__":
    sys.exit(main())
