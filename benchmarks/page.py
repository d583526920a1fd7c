"""Reports as JSON into the page about performance, each between two comments.

    python -m benchmarks.page build/bench docs/performance.md

`<!-- begin poll_cost -->` and `<!-- end poll_cost -->` hold the tables of the report
`poll_cost.json`; what is written around them stays.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure, shown, table


def main() -> int:
    folder, page = map(Path, sys.argv[1:])
    text = page.read_text()
    for file in sorted(folder.glob("*.json")):
        text = _filled(text, file.stem, json.loads(file.read_text()))
    page.write_text(text)
    return 0


def _filled(text: str, name: str, report: Mapping[str, Any]) -> str:
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    body = "\n".join([begin, "", *lines(report), "", end])
    place = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    return place.sub(lambda _: body, text)


def lines(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield a report as Markdown: when and on what, then its tables, then its notes."""
    yield _taken(report)
    figures = report["figures"]
    yield from _tables([told for told in figures if ": " in told["name"]])
    plain = [told for told in figures if ": " not in told["name"]]
    if plain:
        yield ""
        yield from table(plain)
    yield ""
    yield from report["notes"]


def _taken(report: Mapping[str, Any]) -> str:
    machine, versions = report["machine"], report["versions"]
    packages = ", ".join(f"{name} {number}" for name, number in versions.items())
    load = " ".join(str(number) for number in machine["load"])
    return (
        f"Taken on {report['date']} in {report['seconds']:,.0f} s, {report['rounds']}"
        f" rounds: {machine['cpu']}, {machine['cores']} cores, {machine['system']},"
        f" Python {machine['python']}; {packages}. Load at the end: {load}."
    )


def _tables(figures: list[dict[str, Any]]) -> Iterator[str]:
    """Yield one table for each unit: what stands before the colon are its columns."""
    for unit in dict.fromkeys(told["unit"] for told in figures):
        cells: dict[str, dict[str, str]] = {}
        for told in figures:
            if told["unit"] == unit:
                head, _, tail = told["name"].partition(": ")
                cells.setdefault(tail, {})[head] = _cell(told)
        heads = list(dict.fromkeys(head for row in cells.values() for head in row))
        yield ""
        yield f"| {unit} | " + " | ".join(heads) + " |"
        yield "| --- | " + " | ".join("--:" for _ in heads) + " |"
        for tail, row in cells.items():
            yield f"| {tail} | " + " | ".join(row.get(h, "") for h in heads) + " |"


def _cell(told: Mapping[str, Any]) -> str:
    figure = Figure(**{name: told[name] for name in Figure.__dataclass_fields__})
    low, high = figure.spread
    spread = "" if low == high else f" ({shown(low)} – {shown(high)})"
    goal = "" if figure.met is None else f" {figure.goal}"
    return f"{shown(figure.median)}{spread}{goal}"


if __name__ == "__main__":
    sys.exit(main())
