"""Videos from PhanEdge Cloud in Celery: one id per job, from submit to file."""

from __future__ import annotations

from . import watch as watch  # a worker must know this task, too
from .errors import (
    AuthenticationFailed,
    ConfigurationError,
    ContentRejected,
    DownloadFailed,
    FileUnavailable,
    JobFailed,
    JobNotFound,
    JobTimedOut,
    PhanEdgeError,
    QuotaExhausted,
    RateLimited,
    RequestInvalid,
    ServiceUnavailable,
    StorageFailed,
    SubmissionUnknown,
    UnexpectedAnswer,
)
from .models import Video, VideoRequest
from .producer import (
    cancel_video,
    enqueue_video,
    follow_video,
    jobs,
    resume_video,
    resume_videos,
    video_progress,
)
from .schedule import PollSchedule
from .signals import (
    video_failed,
    video_status_changed,
    video_submitted,
    video_succeeded,
)
from .tasks import poll_video, retrieve_file, submit_video

__all__ = [  # noqa: RUF022 - a table of contents
    # what an app calls
    "cancel_video",
    "enqueue_video",
    "follow_video",
    "jobs",
    "resume_video",
    "resume_videos",
    "video_progress",
    # tasks, for canvases
    "poll_video",
    "retrieve_file",
    "submit_video",
    # what goes in and comes out
    "PollSchedule",
    "Video",
    "VideoRequest",
    # signals
    "video_failed",
    "video_status_changed",
    "video_submitted",
    "video_succeeded",
    # errors
    "AuthenticationFailed",
    "ConfigurationError",
    "ContentRejected",
    "DownloadFailed",
    "FileUnavailable",
    "JobFailed",
    "JobNotFound",
    "JobTimedOut",
    "PhanEdgeError",
    "QuotaExhausted",
    "RateLimited",
    "RequestInvalid",
    "ServiceUnavailable",
    "StorageFailed",
    "SubmissionUnknown",
    "UnexpectedAnswer",
]
