"""What one answer leaves in the ticket of a job that is followed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from phanedge_celery.answers import Trouble
from phanedge_celery.errors import FileUnavailable, JobFailed
from phanedge_celery.models import JobReport, JobStatus
from phanedge_celery.polling import MOST_WORDS, decide
from phanedge_celery.schedule import PollSchedule
from phanedge_celery.tickets import Stage, Ticket

BEGAN = 1_764_000_000.0


def report(word: str) -> JobReport:
    return JobReport(job_id="42", status=JobStatus(word), file_id="7")


def after(seconds: float, answer: JobReport | Trouble, ticket: Ticket) -> Ticket:
    """Return the ticket of a job that was answered so many seconds after it began."""
    move = decide(
        ticket,
        answer,
        PollSchedule(),
        max_wait=1800,
        now=BEGAN + seconds,
        dice=0.5,
    )
    changes: dict[str, Any] = dict(move.changes)
    return replace(ticket, **changes)


@pytest.fixture
def ticket() -> Ticket:
    return Ticket(id="a", since=BEGAN, stage=Stage.POLLING, job_id="42")


def test_each_word_is_noted_with_the_time_at_which_it_was_first_heard(
    ticket: Ticket,
) -> None:
    words = [
        (10.02, "queued"),
        (20.5, "Queueing"),
        (61.26, "Processing"),
        (70.0, "Queueing"),
        (183.4, "Success"),
    ]
    for seconds, word in words:
        ticket = after(seconds, report(word), ticket)

    assert ticket.history == {"Queueing": 10.0, "Processing": 61.3, "Success": 183.4}
    assert list(ticket.history) == ["Queueing", "Processing", "Success"]


def test_the_word_in_a_failure_is_noted_too(ticket: Ticket) -> None:
    lost = Trouble(error=JobFailed("no"), kind="failed", report=report("Fail"))
    unnamed = Trouble(
        error=FileUnavailable("no id"), kind="x", report=report("Success")
    )

    assert after(5, lost, ticket).history == {"Fail": 5.0}
    assert after(5, unnamed, ticket).history == {"Success": 5.0}


def test_an_answer_that_says_nothing_of_the_job_adds_nothing(ticket: Ticket) -> None:
    away = Trouble(error=FileUnavailable("away"), kind="retry", limit=None)

    assert after(5, away, ticket).history == {}


def test_a_service_with_ever_new_words_does_not_make_the_ticket_grow(
    ticket: Ticket,
) -> None:
    for number in range(2 * MOST_WORDS):
        ticket = after(number, report(f"Rendering {number}"), ticket)

    assert len(ticket.history) == MOST_WORDS
    assert ticket.status == f"Rendering {2 * MOST_WORDS - 1}"


def test_a_clock_that_was_set_back_tells_no_time_before_the_beginning(
    ticket: Ticket,
) -> None:
    assert after(-30, report("Preparing"), ticket).history == {"Preparing": 0.0}
