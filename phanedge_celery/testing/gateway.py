"""The endpoints of the gateway, E1 to E4, with the host of the files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .desk import Desk
from .faults import Fault
from .files import PREFIX, clip_of, is_signed, refused, serve
from .jobs import Job
from .replies import changed, played, spoilt
from .samples import samples
from .timelines import Timeline, directive
from .wire import Answer, Reply, Request, json_answer

BASE = "/minimaxi/v1"
ROUTES = {
    ("POST", f"{BASE}/video_generation"): "create",
    ("GET", f"{BASE}/query/video_generation"): "query",
    ("GET", f"{BASE}/files/retrieve"): "retrieve",
    ("GET", f"{BASE}/files/retrieve_content"): "content",
}


@dataclass(frozen=True)
class Outcome:
    """What an endpoint did: its answer, the job it was about, its own fault."""

    answer: Answer
    job: Job | None = None
    fault: Fault | None = None


class Gateway:
    """Answers requests from a desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._endpoints: Mapping[str, Callable[[Request], Outcome]] = {
            "create": self._create,
            "query": self._query,
            "retrieve": self._retrieve,
            "content": self._content,
            "file": self._file,
            "unknown": self._unknown,
        }

    def __call__(self, request: Request) -> Reply:
        endpoint = _endpoint(request)
        job = self._meant(endpoint, request)
        fault = self._fault(endpoint, request, job)
        if endpoint == "create" and not (fault and fault.hang_up == "unread"):
            _ = request.body
        outcome = self._outcome(endpoint, request, job, fault)
        silent = outcome.fault is not None and outcome.fault.silent
        status = None if silent else outcome.answer.status
        about = outcome.job.job_id if outcome.job else None
        self._desk.journal.record(endpoint, request, status, about)
        return Reply(outcome.answer, outcome.fault)

    def _meant(self, endpoint: str, request: Request) -> Job | None:
        if endpoint == "file":
            file_id = request.path[len(PREFIX) :].partition("/")[0]
            return self._desk.book.find(file_id)
        any_id = request.query.get("task_id") or request.query.get("file_id")
        return self._desk.book.find(any_id) if any_id else None

    def _fault(self, endpoint: str, request: Request, job: Job | None) -> Fault | None:
        ids = job.ids if job else tuple(request.query.values())
        now = self._desk.now()
        fault = self._desk.faults.take(endpoint, ids, lambda: _prompt(request), now)
        if fault is None and endpoint == "create":
            return _told_by(_prompt(request))
        return fault

    def _outcome(
        self, endpoint: str, request: Request, job: Job | None, fault: Fault | None
    ) -> Outcome:
        if fault is None:
            return self._endpoints[endpoint](request)
        own = Outcome(Answer(200), job)
        if fault.acts:
            own = self._endpoints[endpoint](request)
        facts = self._desk.facts(own.job, request.headers.get("host", ""))
        answer = spoilt(fault, own.answer if fault.acts else None, facts, request)
        if own.job and fault.changes_file:
            own.job.edition += 1
        return Outcome(answer, own.job, fault)

    def _refused(self, request: Request) -> Outcome | None:
        if request.token not in self._desk.options.keys:
            return Outcome(played("gateway_401", {}))
        return None

    def _create(self, request: Request) -> Outcome:
        if refused := self._refused(request):
            return refused
        if not isinstance(request.json, dict):
            return Outcome(played("gateway_400", {}))
        told = directive(_prompt(request))
        given = {"timeline": Timeline.polls(*told)} if told else {}
        job = self._desk.book.add(request.json, self._desk.now(), **given)
        return Outcome(played("create_ok", self._facts(job, request)), job)

    def _query(self, request: Request) -> Outcome:
        if refused := self._refused(request):
            return refused
        any_id = request.query.get("task_id", "")
        job = self._desk.book.find(any_id)
        if job is None or any_id == job.file_id:
            return Outcome(played("gateway_404" if any_id else "gateway_400_query", {}))
        step = job.ask(self._desk.now())
        facts = self._facts(job, request)
        if isinstance(step, str) and step not in samples():
            return Outcome(json_answer(job.report(step)), job)
        if isinstance(step, Mapping):
            return Outcome(json_answer(changed(job.report(step), facts)), job)
        fault = Fault(sample=step) if isinstance(step, str) else step
        own = json_answer(job.report(job.status or "Processing"))
        return Outcome(spoilt(fault, own, facts, request), job, fault)

    def _retrieve(self, request: Request) -> Outcome:
        found = self._found(request)
        if found.job is None:
            return found
        facts = self._facts(found.job, request)
        return replace(found, answer=played("retrieve_ok_int_id", facts))

    def _content(self, request: Request) -> Outcome:
        found = self._found(request)
        if found.job is None:
            return found
        traits = replace(self._desk.traits, ranges=False, etag=False)
        return replace(found, answer=serve(request, clip_of(found.job, traits), traits))

    def _found(self, request: Request) -> Outcome:
        """Return the job whose file is meant, or the refusal."""
        if refused := self._refused(request):
            return refused
        file_id = request.query.get("file_id", "")
        task_id = request.query.get("task_id")
        if not file_id:
            message = {"code": "invalid_request", "message": "file_id is required"}
            return Outcome(json_answer(message, 400))
        job = self._desk.book.find(file_id)
        needed = self._desk.options.needs_task_id
        known = job is not None and job.file_id == file_id
        if (
            job
            and known
            and task_id in ({job.job_id} if needed else {job.job_id, None})
        ):
            return Outcome(Answer(200), job)
        return Outcome(played("gateway_404_file", {}))

    def _file(self, request: Request) -> Outcome:
        job, traits = self._meant("file", request), self._desk.traits
        if job is None or not is_signed(job, request.query, self._desk.wall()):
            return Outcome(refused(), job)
        answer = serve(request, clip_of(job, traits), traits)
        fault = None if traits.content_length else Fault(no_length=True)
        return Outcome(answer, job, fault)

    def _unknown(self, request: Request) -> Outcome:
        text = f"Invalid URL ({request.method} {request.path})"
        error = {"message": text, "type": "invalid_request_error"}
        return Outcome(json_answer({"error": error}, 404))

    def _facts(self, job: Job, request: Request) -> dict[str, Any]:
        return self._desk.facts(job, request.headers.get("host", ""))


def _endpoint(request: Request) -> str:
    if request.path.startswith(PREFIX) and request.method in ("GET", "HEAD"):
        return "file"
    return ROUTES.get((request.method, request.path), "unknown")


def _prompt(request: Request) -> str:
    sent = request.json
    return str(sent.get("prompt") or "") if isinstance(sent, dict) else ""


def _told_by(prompt: str) -> Fault | None:
    """Return the fault that a prompt asks for: `A cat {fake: create_rejected_1026}`."""
    first = directive(prompt)[:1]
    sample = samples().get(first[0]) if first else None
    if sample is None or "create" not in sample.on:
        return None
    return Fault(sample=sample.name)
