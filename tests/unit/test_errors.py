"""Every error is built, stored and found again the same."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator

import pytest

import phanedge_celery
from phanedge_celery import PhanEdgeError, SubmissionUnknown
from phanedge_celery import errors as module
from phanedge_celery.errors import error_fields, error_from


def below(cls: type[PhanEdgeError]) -> Iterator[type[PhanEdgeError]]:
    yield cls
    for child in cls.__subclasses__():
        yield from below(child)


OURS = [cls for cls in below(PhanEdgeError) if cls.__module__ == module.__name__]
FACTS = ("it broke", 1027, "106916112212032", 200, "req-7")


@pytest.mark.parametrize("cls", OURS)
def test_an_error_is_what_its_arguments_are(cls: type[PhanEdgeError]) -> None:
    error = cls(*FACTS)

    assert error.args == FACTS
    assert type(error)(*error.args).args == FACTS
    assert (error.message, error.code, error.job_id) == FACTS[:3]
    assert (error.http_status, error.request_id) == FACTS[3:]
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


@pytest.mark.parametrize("cls", OURS)
def test_an_error_comes_back_from_a_ticket(cls: type[PhanEdgeError]) -> None:
    error = cls(*FACTS)

    back = error_from(json.loads(json.dumps(error_fields(error))))

    assert type(back) is cls
    assert back.args == FACTS


@pytest.mark.parametrize("cls", OURS)
def test_an_error_says_what_it_knows(cls: type[PhanEdgeError]) -> None:
    told = str(cls(*FACTS))

    assert told == (
        "it broke (code=1027, job_id=106916112212032, http_status=200,"
        " request_id=req-7)"
    )
    assert str(cls("it broke")) == "it broke"
    assert str(cls()) == (cls.__doc__ or "").partition("\n")[0]


@pytest.mark.parametrize("cls", OURS)
def test_an_error_is_found_at_the_root(cls: type[PhanEdgeError]) -> None:
    assert getattr(phanedge_celery, cls.__name__) is cls
    assert cls.__name__ in phanedge_celery.__all__


def test_what_can_be_resumed_is_what_the_design_says() -> None:
    final = {cls.__name__ for cls in OURS if not cls.resumable}

    assert final == {
        "RequestInvalid",
        "ContentRejected",
        "SubmissionUnknown",
        "JobFailed",
    }


def test_an_error_is_about_the_first_job_it_was_given() -> None:
    error = SubmissionUnknown("no answer", 1001)

    assert error.about("42").args == ("no answer", 1001, "42", None, None)
    assert error.about("42").about("43").job_id == "42"
    assert type(error.about("42")) is SubmissionUnknown
    assert error.about(None) is error


def test_a_type_that_this_version_does_not_know_is_still_ours() -> None:
    fields = {**error_fields(PhanEdgeError(*FACTS)), "type": "FromTheFuture"}

    assert type(error_from(fields)) is PhanEdgeError
