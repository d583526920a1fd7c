"""What the service answers, and the video, as models and as JSON."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest
from kombu.utils.json import dumps
from pydantic import ValidationError

from phanedge_celery.errors import RequestInvalid
from phanedge_celery.models import FileRecord, JobReport, JobStatus, Submission, Video
from phanedge_celery.models.texts import plain_text

SIGNED = "https://files.example.com/a.mp4?Expires=1&Signature=abc"
WHEN = datetime(2026, 11, 24, 10, 0, tzinfo=timezone.utc)
FILE = FileRecord(
    file_id="17", bytes=5, created_at=WHEN, filename="a.mp4", download_url=SIGNED
)
REPORT = JobReport(
    job_id="10", status=JobStatus.SUCCESS, file_id="17", width=1366, height=768
)
FIELDS = (
    "job_id platform_id file_id status width height filename bytes created_at"
    " download_url retrieved_at saved_to sha256"
)


def test_the_video_is_plain_json_and_comes_back_as_it_was() -> None:
    video = Video.of(FILE, REPORT, retrieved_at=WHEN)

    stored = json.loads(dumps(video))
    assert stored == {
        "job_id": "10",
        "platform_id": None,
        "file_id": "17",
        "status": "Success",
        "width": 1366,
        "height": 768,
        "filename": "a.mp4",
        "bytes": 5,
        "created_at": "2026-11-24T10:00:00Z",
        "download_url": SIGNED,
        "retrieved_at": "2026-11-24T10:00:00Z",
        "saved_to": None,
        "sha256": None,
    }
    assert Video.model_validate(stored) == video


def test_the_video_has_exactly_its_fields() -> None:
    assert list(Video.model_fields) == FIELDS.split()


def test_a_file_alone_makes_a_video_too() -> None:
    video = Video.of(FILE, job_id="10", retrieved_at=WHEN)

    assert (video.job_id, video.status, video.file_id) == ("10", None, "17")


@pytest.mark.parametrize("record", [FILE, Video.of(FILE, retrieved_at=WHEN)])
def test_neither_repr_nor_str_shows_a_signature(record: FileRecord | Video) -> None:
    assert "a.mp4?…" in repr(record)
    assert "Signature" not in repr(record) + str(record)


def test_ids_are_text_even_when_numbers_were_given() -> None:
    submission = Submission.model_validate({"job_id": 115334141465231360})

    assert submission.job_id == "115334141465231360"


def test_a_report_is_read_from_json_with_its_status() -> None:
    report = JobReport.read({**REPORT.__json__(), "status": "done", "news": 1})

    assert report == REPORT
    assert report.status is JobStatus.SUCCESS


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (5, "JobReport is wrong"),
        ({"status": "Success"}, r"JobReport\.job_id is wrong"),
        ({"job_id": "1", "status": ""}, r"JobReport\.status is wrong"),
    ],
)
def test_what_is_no_report_is_refused_by_field(value: object, says: str) -> None:
    with pytest.raises(RequestInvalid, match=says):
        JobReport.read(value)


def test_records_are_frozen() -> None:
    with pytest.raises(ValidationError):
        FILE.filename = "b.mp4"  # type: ignore[misc]


TEXTS = [
    ("see https://h/p.mp4?sig=1&b=2 now", "see https://h/p.mp4?… now"),
    ("(//h/p?x)", "(//h/p?…"),
    ("key sk-abc123def456 is bad", "key sk-… is bad"),
    ("Authorization: Bearer abc123def456", "Authorization: Bearer …"),
    ("Bearer authentication needed", "Bearer authentication needed"),
    ("in the 'Authorization' field", "in the 'Authorization' field"),
    ("two\nlines\x00\ud800", "two lines"),
    ("x" * 300, "x" * 199 + "…"),
]


@pytest.mark.parametrize(("text", "kept"), TEXTS, ids=[t[:12] for t, _ in TEXTS])
def test_text_from_elsewhere_is_made_safe(text: str, kept: str) -> None:
    assert plain_text(text, 200) == kept
