"""The controls' other end: operations on a desk, JSON in, JSON out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields as fields_of
from dataclasses import replace
from typing import Any

from .calls import call
from .desk import Desk
from .faults import Fault, Rule
from .files import clip_of
from .samples import samples
from .timelines import Timeline


def _json(record: Any) -> dict[str, Any]:
    return {field.name: getattr(record, field.name) for field in fields_of(record)}


class Operations:
    """What may be asked of a desk by name."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def do(self, operation: str, arguments: Mapping[str, Any]) -> Any:
        """Carry out *operation*; raises `LookupError` when there is none such."""
        if operation.startswith("_") or operation == "do":
            raise LookupError(operation)
        method: Callable[..., Any] | None = getattr(self, operation, None)
        if method is None:
            raise LookupError(f"the fake knows no operation {operation!r}")
        return method(**arguments)

    def script(
        self,
        timeline: Mapping[str, Any],
        job: str | None = None,
        prompt: str | None = None,
        times: int | None = 1,
    ) -> None:
        told = Timeline.read(timeline)
        if job is None:
            self._desk.book.plan(told, prompt, times)
        else:
            found = self._desk.job(job)
            found.timeline, found.polls = told, 0
            found.since = self._desk.now()

    def add_job(
        self, timeline: Mapping[str, Any] | None, fields: Mapping[str, Any]
    ) -> str:
        given = dict(fields)
        request = given.pop("request", {})
        if timeline:
            given["timeline"] = Timeline.read(timeline)
        return self._desk.book.add(request, self._desk.now(), **given).job_id

    def fault(
        self, fault: Mapping[str, Any], rule: Mapping[str, Any], seconds: float | None
    ) -> None:
        until = None if seconds is None else self._desk.now() + seconds
        self._desk.faults.add(Rule(Fault.read(fault), until=until, **rule))

    def clear_faults(self, on: Sequence[str]) -> None:
        self._desk.faults.clear(on)

    def faults(self) -> list[dict[str, Any]]:
        return self._desk.faults.left()

    def elapse(self, seconds: float) -> None:
        self._desk.elapse(seconds)

    def options(self, changes: Mapping[str, Any]) -> None:
        changes = {k: tuple(v) if k == "keys" else v for k, v in changes.items()}
        self._desk.options = replace(self._desk.options, **changes)

    def files(self, changes: Mapping[str, Any]) -> None:
        self._desk.traits = replace(self._desk.traits, **changes)

    def change_file(self, job: str | None = None) -> None:
        self._desk.job(job).edition += 1

    def expire_urls(self, job: str | None = None) -> None:
        self._desk.job(job).signing += 1

    def reset(self) -> None:
        self._desk.reset()

    def sha256(self, job: str | None = None) -> str:
        return clip_of(self._desk.job(job), self._desk.traits).sha256()

    def download_url(self, job: str | None = None) -> str:
        return self._desk.download_url(self._desk.job(job))

    def jobs(self) -> list[dict[str, Any]]:
        return [job.as_json() for job in self._desk.book.jobs]

    def last(self) -> dict[str, Any]:
        return self._desk.last().as_json()

    def polls_of(self, job: str) -> int:
        return self._desk.journal.queries[self._desk.job(job).job_id]

    def counts(self) -> dict[str, int]:
        return dict(self._desk.journal.counts)

    def posts(self) -> list[dict[str, Any]]:
        return [_json(post) for post in self._desk.journal.posts]

    def key(self) -> str:
        return self._desk.options.keys[0]

    def wait_for(self, endpoint: str, count: int, timeout: float) -> None:
        self._desk.journal.wait_for(endpoint, count, timeout)

    def callbacks(self) -> list[dict[str, Any]]:
        return [_json(called) for called in self._desk.callbacks.sent]

    def call_back(
        self,
        sample: str,
        job: str | None,
        url: str | None,
        body: Mapping[str, Any] | None,
    ) -> dict[str, Any]:
        if body is None:
            text = samples()[sample].render(self._desk.facts(self._desk.job(job)))
            body = json.loads(text)
        to = url or self._desk.job(job).request["callback_url"]
        self._desk.callbacks.sent.append(called := call(to, body))
        return _json(called)

    def log(self, endpoint: str | None = None) -> list[dict[str, Any]]:
        found = self._desk.journal.snapshot()
        return [_json(e) for e in found if endpoint in (None, e.endpoint)]
