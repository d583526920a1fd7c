"""What the log says of a job: each change once, each trouble once, and no secret."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from logging import INFO, WARNING
from typing import Any

import pytest

from phanedge_celery import enqueue_video, follow_video, poll_video
from phanedge_celery.events import EVENTS
from phanedge_celery.testing import FakePhanEdge, Fault
from phanedge_celery.testing.fixtures import fake
from phanedge_celery.testing.timelines import Step
from tests.worker.hand import Hand, hand

__all__ = ["fake"]

REQUEST = {"model": "MiniMax-Hailuo-02", "prompt": "A cat surfs."}
LOST = Fault(
    status=404,
    body={"code": "upstream_not_found_or_no_permission", "message": "no such job"},
    headers={"X-Oneapi-Request-Id": "one-1", "Trace-Id": "trace-2"},
)


@pytest.fixture
def by_hand(fake: FakePhanEdge) -> Iterator[Hand]:
    fake.options(keys=("an-api-key-of-some-length",))
    with hand(fake) as given:
        yield given


@pytest.fixture
def log(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> pytest.LogCaptureFixture:
    """What is logged, whatever a framework has done to our logger before."""
    logger = logging.getLogger("phanedge_celery")
    for name in (None, logger.name):
        caplog.set_level(logging.INFO, name)
    monkeypatch.setattr(logger, "disabled", False)
    return caplog


def ours(log: pytest.LogCaptureFixture, level: int = 0) -> list[logging.LogRecord]:
    """Return the lines of ours, of that level if one is given."""
    records = [r for r in log.records if vars(r).get("phanedge.event")]
    return [r for r in records if level in (0, r.levelno)]


def told(log: pytest.LogCaptureFixture, level: int) -> list[tuple[Any, ...]]:
    """Return event, stage and status of each line of ours at that level."""
    names = [f"phanedge.{name}" for name in ("event", "stage", "status")]
    return [tuple(vars(r).get(name) for name in names) for r in ours(log, level)]


def followed(fake: FakePhanEdge, by_hand: Hand, *steps: Step) -> str:
    id = follow_video(fake.add_job(*steps)).id
    by_hand.deliver_all()
    return str(id)


def test_each_change_of_stage_or_status_is_one_line(
    fake: FakePhanEdge, by_hand: Hand, log: pytest.LogCaptureFixture
) -> None:
    fake.script("Queueing", "Queueing", "Processing", "Processing", "Success")
    id = enqueue_video(REQUEST).id

    by_hand.deliver_all()

    assert told(log, INFO) == [
        ("changed", "submitting", None),
        ("submitted", "polling", None),
        ("changed", "polling", None),
        ("changed", "polling", "Queueing"),
        ("changed", "polling", "Processing"),
        ("changed", "retrieving", "Success"),
        ("done", "done", "Success"),
    ]
    assert told(log, WARNING) == []
    assert {vars(record)["phanedge.id"] for record in ours(log)} == {id}
    assert vars(ours(log)[-1])["phanedge.job_id"] == fake.job_id
    assert ours(log)[-1].getMessage().startswith(f"phanedge.done id={id} job_id=")


def test_trouble_is_one_line_for_each_kind_in_a_row_with_both_request_ids(
    fake: FakePhanEdge, by_hand: Hand, log: pytest.LogCaptureFixture
) -> None:
    trouble: list[Step] = [LOST, LOST, *["query_rate_limited"] * 3, "Processing", LOST]

    followed(fake, by_hand, "Processing", *trouble, "Success")

    assert [event for event, *_ in told(log, WARNING)] == ["waiting_out"] * 3
    lines = [record.getMessage() for record in ours(log, WARNING)]
    assert ["one-1, trace-2" in line for line in lines] == [True, False, True]
    assert "RateLimited" in lines[1]


def test_a_failure_is_one_line_with_all_that_the_service_said(
    fake: FakePhanEdge, by_hand: Hand, log: pytest.LogCaptureFixture
) -> None:
    refused = Fault(
        body={"base_resp": {"status_code": 1026, "status_msg": "input new_sensitive"}},
        headers=LOST.headers,
    )

    id = followed(fake, by_hand, refused)

    line = ours(log, INFO)[-1]
    assert vars(line)["phanedge.event"] == "failed"
    for fact in (id, fake.job_id, "ContentRejected", "1026", "one-1, trace-2"):
        assert fact in line.getMessage()


def test_no_line_has_the_key_or_the_query_of_a_signed_url(
    fake: FakePhanEdge, by_hand: Hand, log: pytest.LogCaptureFixture
) -> None:
    leaks = f"refused {fake.key} for https://h.example/v.mp4?Signature=s3cret"
    echo = Fault(status=401, body={"error": {"message": leaks}})

    followed(fake, by_hand, "Processing", *[echo] * 2, "Success")
    reported = fake.add_job("query_success_direct_url")
    poll_video.apply_async((reported,), {"retrieve": False})
    followed(fake, by_hand, echo)

    lines = "".join(f"{r.getMessage()} {vars(r)}" for r in log.records)
    assert "AuthenticationFailed" in lines
    assert lines.count("succeeded in") >= 2
    assert fake.key not in lines
    assert "s3cret" not in lines
    assert "Signature=" not in lines


def test_the_names_of_events_are_the_same_as_ever() -> None:
    assert set(EVENTS) >= {
        *("submitted", "changed", "done", "failed", "cancelled", "adopted"),
        *("waiting_out", "resent", "reopened", "unsent", "store_away"),
    }
