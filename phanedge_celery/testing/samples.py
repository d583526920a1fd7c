"""The contract's sample bodies, to be played with the ids of a job."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

FOLDER = files(__package__) / "samples"
ROW = re.compile(r"^\| `(?P<file>[\w.]+)` \| (?P<where>[^|]+) \| (?P<status>[^|]+) \|")
NUMBERS = {"E1": "create", "E2": "query", "E3": "retrieve", "E4": "content"}


@dataclass(frozen=True)
class Sample:
    """One body with the status that it comes under."""

    name: str
    on: tuple[str, ...]
    """The endpoints that send it; none for bodies of the callback."""
    status: int
    content_type: str
    text: str

    def render(self, facts: Mapping[str, Any]) -> str:
        """Return the text with ids, URLs and sizes replaced, keys and types kept."""
        if self.content_type != "application/json":
            return self.text
        return json.dumps(_replaced(json.loads(self.text), facts), ensure_ascii=False)


@cache
def samples() -> Mapping[str, Sample]:
    """Return every sample of the index, by its name without the ending."""
    index = (FOLDER / "README.md").read_text("utf-8")
    rows = (ROW.match(line) for line in index.splitlines())
    found = (_sample(row["file"], row["where"], row["status"]) for row in rows if row)
    return {sample.name: sample for sample in found}


def sample_named(name: str) -> Sample:
    """Return a sample; raises `LookupError` when there is none of that name."""
    if name not in samples():
        raise LookupError(f"there is no sample {name!r}")
    return samples()[name]


def _sample(file: str, where: str, status: str) -> Sample:
    name, _, kind = file.partition(".")
    code = re.search(r"\d{3}", status)
    return Sample(
        name=name,
        on=_endpoints(where),
        status=int(code[0]) if code else 200,
        content_type="text/html" if kind == "html" else "application/json",
        text=(FOLDER / file).read_text("utf-8"),
    )


def _endpoints(where: str) -> tuple[str, ...]:
    if where.startswith(("any", "E1–E4")):
        return tuple(NUMBERS.values())
    return tuple(NUMBERS[number] for number in re.findall(r"E\d", where))


def _replaced(body: Any, facts: Mapping[str, Any]) -> Any:
    if not isinstance(body, dict):
        return body
    return {
        key: _replaced(value, facts)
        if isinstance(value, dict)
        else _fitted(key, value, facts)
        for key, value in body.items()
    }


def _fitted(key: str, value: Any, facts: Mapping[str, Any]) -> Any:
    """Return what *facts* know of *key*, in the form that the sample shows."""
    if not value or key not in facts:
        return value
    fact = facts[key]
    if key.endswith("url"):
        return _url(value, str(fact))
    if isinstance(value, str) and value.startswith("task_"):
        return str(facts["platform_id"]).replace("video_", "task_")
    return type(value)(fact)


def _url(shown: str, url: str) -> str:
    return url if "://" in shown else url.partition("://")[2]
