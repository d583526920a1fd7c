"""Asking what an app runs on: broker, results, tickets, workers, API, storage."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from celery import Celery

from ..models import plain_text
from . import asking_service, asking_stores, asking_workers
from .finding import Finding, found
from .looking import snapshot_of

Ask = Callable[[Celery], Iterator[Finding]]


@dataclass(frozen=True, slots=True)
class Question:
    """One thing to ask, and what it means when there is no answer."""

    code: str
    subject: str
    ask: Ask
    why: str
    setting: str


QUESTIONS: Final = (
    Question(
        "E101",
        "The broker",
        asking_stores.broker,
        "What is enqueued meanwhile waits in its ticket until the broker is back.",
        "broker_url",
    ),
    Question(
        "E102",
        "The result backend",
        asking_stores.results,
        "Jobs that end meanwhile wait until their outcome can be told.",
        "result_backend",
    ),
    Question(
        "E103",
        "The ticket store",
        asking_stores.tickets,
        "Nothing can be enqueued, and no step does anything until it is back.",
        "phanedge_tickets, or result_backend where it is not set",
    ),
    Question(
        "E104",
        "The API",
        asking_service.api,
        "Jobs wait until it answers, at most until their deadline.",
        "phanedge_base_url; a proxy by HTTPS_PROXY",
    ),
    Question(
        "E107",
        "The storage",
        asking_service.storage,
        "Whatever is to be saved fails, after its job has been paid for.",
        "phanedge_storage",
    ),
    Question(
        "E108",
        "The workers",
        asking_workers.workers,
        "Whether anybody works on our queue is not known.",
        "broker_url",
    ),
)


def examine(
    app: Celery,
    *,
    seconds: float = 10,
    questions: Sequence[Question] = QUESTIONS,
) -> list[Finding]:
    """Return the hazards in what *app* runs on; takes *seconds* at the most.

    All are asked at once. One that fails, or says nothing in time, is a finding.
    Nothing is asked under settings that cannot work, which `findings` tells.
    """
    if snapshot_of(app).mistakes:
        return []
    end = time.monotonic() + seconds
    asked = [_Asked(question, app) for question in questions]
    answers = [finding for each in asked for finding in each.answer(end, seconds)]
    return _without_echo(answers)


def _without_echo(answers: list[Finding]) -> list[Finding]:
    """Workers are asked through the broker: one line about it is enough."""
    broker = QUESTIONS[0].code
    if not any(each.code.endswith(broker) for each in answers):
        return answers
    return [each for each in answers if not each.code.endswith("E108")]


class _Asked(threading.Thread):
    """A question on its way; one that hangs keeps no process from ending."""

    def __init__(self, question: Question, app: Celery) -> None:
        super().__init__(name=f"phanedge-doctor-{question.code}", daemon=True)
        self._question = question
        self._app = app
        self._findings: list[Finding] | None = None
        self.start()

    def run(self) -> None:
        try:
            self._findings = list(self._question.ask(self._app))
        except Exception as error:  # noqa: BLE001 - each library has its own errors
            told = plain_text(str(error), 200).rstrip(".")
            self._findings = [self._silence(f"failed: {type(error).__name__}: {told}")]

    def answer(self, end: float, seconds: float) -> list[Finding]:
        self.join(max(end - time.monotonic(), 0))
        if self._findings is None:
            return [self._silence(f"has not answered within {seconds:g} s")]
        return self._findings

    def _silence(self, what: str) -> Finding:
        question = self._question
        return found(
            question.code,
            what=f"{question.subject} {what}.",
            why=question.why,
            setting=question.setting,
        )
