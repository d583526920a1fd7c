"""What each endpoint does: E1 to E4, then the host of the files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from .admission import refusal
from .desk import Desk
from .faults import Fault
from .files import PREFIX, FileTraits, clip_of, is_signed, refused, serve
from .jobs import Job
from .replies import changed, played, spoilt
from .samples import samples
from .timelines import Step, Timeline, directive
from .wire import Answer, Request, json_answer


@dataclass(frozen=True)
class Outcome:
    """What an endpoint did: its answer, the job it was about, its own fault."""

    answer: Answer
    job: Job | None = None
    fault: Fault | None = None


def prompt_of(request: Request) -> str:
    """Return the prompt that a create carries, empty when it has none."""
    sent = request.json
    return str(sent.get("prompt") or "") if isinstance(sent, dict) else ""


class Endpoints:
    """The endpoints by name, over one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def create(self, request: Request) -> Outcome:
        refused = self._refused(request)
        if refused is None and self._desk.options.checks:
            refused = refusal(request.json)
        if refused is not None:
            return Outcome(refused)
        sent: Mapping[str, Any] = request.json if isinstance(request.json, dict) else {}
        called = self._desk.options.callbacks and sent.get("callback_url")
        if called and not self._desk.callbacks.accepted(str(called)):
            return Outcome(played("create_rejected_callback_2013", {}))
        told = directive(prompt_of(request))
        given = {"timeline": Timeline.polls(*told)} if told else {}
        job = self._desk.book.add(sent, self._desk.now(), **given)
        if called:
            self._desk.callbacks.follow(job)
        return Outcome(played("create_ok", self._facts(job, request)), job)

    def query(self, request: Request) -> Outcome:
        any_id = request.query.get("task_id", "")
        job = self._desk.book.find(any_id)
        refused = self._refused(request)
        if refused is not None:
            return Outcome(refused, job)
        if not any_id:
            return Outcome(played("gateway_400_query", {}))
        if job is None or any_id == job.file_id:
            return Outcome(played("gateway_404", {}))
        step = job.ask(self._desk.now())
        if self._desk.options.callbacks and "callback_url" in job.request:
            self._desk.callbacks.tell(job, step, self._desk.now())
        return self._told(job, step, request)

    def retrieve(self, request: Request) -> Outcome:
        found = self._found(request)
        if found.job is None:
            return found
        facts = self._facts(found.job, request)
        return Outcome(played("retrieve_ok_int_id", facts), found.job)

    def content(self, request: Request) -> Outcome:
        found = self._found(request)
        if found.job is None:
            return found
        traits = replace(self._desk.traits, ranges=False, etag=False)
        outcome = _served(request, found.job, traits)
        named = {"Content-Disposition": 'attachment; filename="output_aigc.mp4"'}
        headers = {**outcome.answer.headers, **named}
        return replace(outcome, answer=replace(outcome.answer, headers=headers))

    def file(self, request: Request) -> Outcome:
        job = self._desk.book.find(request.path[len(PREFIX) :].partition("/")[0])
        if job is None or not is_signed(job, request.query, self._desk.wall()):
            return Outcome(refused(), job)
        return _served(request, job, self._desk.traits)

    def unknown(self, request: Request) -> Outcome:
        text = f"Invalid URL ({request.method} {request.path})"
        error = {"message": text, "type": "invalid_request_error"}
        return Outcome(json_answer({"error": error}, 404))

    def _told(self, job: Job, step: Step, request: Request) -> Outcome:
        if isinstance(step, str) and step not in samples():
            job.status = step
            return Outcome(json_answer(job.report({"status": step})), job)
        facts = self._facts(job, request)
        if isinstance(step, Mapping):
            job.status = str(step.get("status", job.status))
            return Outcome(json_answer(changed(job.report(step), facts)), job)
        fault = Fault(sample=step) if isinstance(step, str) else step
        own = json_answer(job.report({}))
        return Outcome(spoilt(fault, own, facts, request), job, fault)

    def _refused(self, request: Request) -> Answer | None:
        options, now = self._desk.options, self._desk.now()
        if request.token not in options.keys:
            return played("gateway_401", {})
        rate = options.per_minute
        if rate and not self._desk.buckets.allows(request.token, rate, now):
            return played("gateway_429", {})
        return None

    def _found(self, request: Request) -> Outcome:
        """Return the job whose file is meant, or the refusal."""
        refused = self._refused(request)
        if refused is not None:
            return Outcome(refused)
        file_id, task_id = request.query.get("file_id"), request.query.get("task_id")
        if not file_id:
            message = {"code": "invalid_request", "message": "file_id is required"}
            return Outcome(json_answer(message, 400))
        job = self._desk.book.find(file_id)
        if job is None or job.file_id != file_id:
            return Outcome(played("gateway_404_file", {}))
        guessed = task_id is None and not self._desk.options.needs_task_id
        if not guessed and task_id != job.job_id:
            return Outcome(played("gateway_404_file", {}))
        return Outcome(Answer(200), job)

    def _facts(self, job: Job, request: Request) -> dict[str, Any]:
        return self._desk.facts(job, request.headers.get("host", ""))


def _served(request: Request, job: Job, traits: FileTraits) -> Outcome:
    fault = None if traits.content_length else Fault(no_length=True)
    return Outcome(serve(request, clip_of(job, traits), traits), job, fault)
