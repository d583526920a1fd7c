"""What an app calls: enqueue, follow, look, cancel, resume."""

from __future__ import annotations

from .bulk import resume_videos
from .cancel import cancel_video
from .enqueue import enqueue_video, follow_video
from .look import jobs, video_progress
from .notice import take_notice
from .resume import resume_video

__all__ = [
    "cancel_video",
    "enqueue_video",
    "follow_video",
    "jobs",
    "resume_video",
    "resume_videos",
    "take_notice",
    "video_progress",
]
