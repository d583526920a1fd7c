"""The vendor's words, typed; our result, the video, among them."""

from __future__ import annotations

from .canonical import canonical
from .ids import file_id_of, job_id_of
from .records import FileRecord, JobReport, Record, Submission, Video
from .request import MAX_REQUEST, Subject, VideoRequest, stored_images
from .status import JobStatus
from .texts import plain_text

__all__ = [
    "MAX_REQUEST",
    "FileRecord",
    "JobReport",
    "JobStatus",
    "Record",
    "Subject",
    "Submission",
    "Video",
    "VideoRequest",
    "canonical",
    "file_id_of",
    "job_id_of",
    "plain_text",
    "stored_images",
]
