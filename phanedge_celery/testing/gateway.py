"""The way of a request: its endpoint, its fault, its line in the log."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace

from .desk import Desk
from .endpoints import Endpoints, Outcome, prompt_of
from .faults import Fault
from .files import PREFIX
from .jobs import Job
from .replies import spoilt
from .samples import samples
from .timelines import directive
from .wire import Answer, Reply, Request

BASE = "/minimaxi/v1"
ROUTES = {
    ("POST", f"{BASE}/video_generation"): "create",
    ("GET", f"{BASE}/query/video_generation"): "query",
    ("GET", f"{BASE}/files/retrieve"): "retrieve",
    ("GET", f"{BASE}/files/retrieve_content"): "content",
}


class Gateway:
    """Answers requests from a desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._numbers = itertools.count(1)
        endpoints = Endpoints(desk)
        self._endpoints: Mapping[str, Callable[[Request], Outcome]] = {
            "create": endpoints.create,
            "query": endpoints.query,
            "retrieve": endpoints.retrieve,
            "content": endpoints.content,
            "file": endpoints.file,
            "unknown": endpoints.unknown,
        }

    def __call__(self, request: Request) -> Reply:
        endpoint = _endpoint(request)
        fault = self._fault(endpoint, request)
        if endpoint == "create" and not (fault and fault.hang_up == "unread"):
            _ = request.body
        outcome = self._outcome(endpoint, request, fault)
        answer = outcome.answer if endpoint == "file" else self._stamped(outcome.answer)
        silent = outcome.fault is not None and outcome.fault.silent
        about = outcome.job.job_id if outcome.job else None
        status = None if silent else answer.status
        self._desk.journal.record(endpoint, request, status, about)
        return Reply(answer, outcome.fault)

    def _fault(self, endpoint: str, request: Request) -> Fault | None:
        job, now = self._meant(endpoint, request), self._desk.now()
        ids = job.ids if job else tuple(request.query.values())
        # Read early only if need be: a fault may be to leave the body unread.
        early = endpoint == "create" and self._desk.faults.by_prompt
        prompt = prompt_of(request) if early else ""
        fault = self._desk.faults.take(endpoint, ids, prompt, now)
        if fault is None and endpoint == "create":
            return _told_by(prompt_of(request))
        return fault

    def _meant(self, endpoint: str, request: Request) -> Job | None:
        """Return the job that a request names, whatever comes of it."""
        if endpoint == "file":
            any_id = request.path[len(PREFIX) :].partition("/")[0]
        else:
            any_id = request.query.get("task_id") or request.query.get("file_id", "")
        return self._desk.book.find(any_id)

    def _outcome(self, endpoint: str, request: Request, fault: Fault | None) -> Outcome:
        if fault is None:
            return self._endpoints[endpoint](request)
        if fault.acts:
            own = self._endpoints[endpoint](request)
        else:
            own = Outcome(Answer(200), self._meant(endpoint, request))
        facts = self._desk.facts(own.job, request.headers.get("host", ""))
        answer = spoilt(fault, own.answer if fault.acts else None, facts, request)
        if own.job and fault.changes_file:
            own.job.edition += 1
        return Outcome(answer, own.job, _joined(fault, own.fault))

    def _stamped(self, answer: Answer) -> Answer:
        number = {"X-Oneapi-Request-Id": f"fake{next(self._numbers):016d}"}
        return replace(answer, headers={**number, **answer.headers})


def _joined(fault: Fault, own: Fault | None) -> Fault:
    """Return *fault*, with the length left out where the endpoint leaves it out."""
    return replace(fault, no_length=True) if own and own.no_length else fault


def _endpoint(request: Request) -> str:
    if request.path.startswith(PREFIX) and request.method in ("GET", "HEAD"):
        return "file"
    return ROUTES.get((request.method, request.path), "unknown")


def _told_by(prompt: str) -> Fault | None:
    """Return the fault that a prompt asks for: `A cat {fake: create_rejected_1026}`."""
    first = directive(prompt)[:1]
    sample = samples().get(first[0]) if first else None
    if sample is None or "create" not in sample.on:
        return None
    return Fault(sample=sample.name)
