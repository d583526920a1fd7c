"""A job's progress in words for a visitor, and what to do when it fails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

STAGES = {
    None: "Waiting to be sent",
    "queued": "Waiting for a worker",
    "submitting": "Handing it to the service",
    "polling": "Accepted by the service",
    "retrieving": "Rendered; asking for the file",
    "saving": "Saving the video here",
    "ending": "Almost there",
    "done": "Your video is ready",
    "failed": "This video could not be made",
    "cancelled": "Cancelled",
}
STATUSES = {
    "preparing": "The service prepares it",
    "queueing": "In the queue of the service",
    "processing": "Rendering",
}
STEPS = ("Asked for", "Accepted", "Rendering", "Saving", "Ready")
"""What every video goes through, as a visitor sees it."""
REACHED = {"retrieving": 3, "saving": 3, "ending": 3, "done": 4}
NEXT = {
    "ContentRejected": "The content policy refused the prompt, the image or the "
    "video. Say it in other words, or take another image.",
    "RequestInvalid": "The service cannot take this request. Change it and try again.",
    "JobFailed": "The service gave this video up. Nothing was lost but time: "
    "submit it again.",
    "JobTimedOut": "It took too long and we stopped looking, but it may still be "
    "finished. Go on looking for it.",
    "QuotaExhausted": "The account with the service is empty. Tell us; once it is "
    "topped up, go on.",
    "AuthenticationFailed": "Our key was refused. Tell us; once that is mended, go on.",
    "SubmissionUnknown": "We did not hear whether the service took it. Please tell us "
    "before you submit it again: it might be paid for twice.",
    "JobNotFound": "The service does not know this video just now. Go on later, or "
    "tell us.",
    "FileUnavailable": "The video is rendered, but its file could not be had. Go on.",
    "DownloadFailed": "The video is rendered, but could not be read whole. Go on.",
    "StorageFailed": "The video is rendered, but could not be saved here. Tell us; "
    "once that is mended, go on.",
}
OTHERWISE = "Something is wrong on our side. Go on later, or tell us."


@dataclass(frozen=True)
class Story:
    """What a page says of one job."""

    progress: Mapping[str, Any]

    @property
    def headline(self) -> str:
        stage, status = self.progress["stage"], self.progress["status"]
        word = STATUSES.get((status or "").lower())
        return word if stage == "polling" and word else STAGES[stage]

    @property
    def steps(self) -> list[tuple[str, str]]:
        """Return each step with where the job is: past, now or to come."""
        stage, status = self.progress["stage"], self.progress["status"]
        polling = 2 if (status or "").lower() == "processing" else 1
        reached = polling if stage == "polling" else REACHED.get(stage, 0)
        places = ("past", "now", "to come")
        return [
            (step, places[(number > reached) - (number < reached) + 1])
            for number, step in enumerate(STEPS)
        ]

    @property
    def ended(self) -> bool:
        return self.progress["stage"] in ("done", "failed", "cancelled")

    @property
    def trouble(self) -> str | None:
        """Say what is being waited out, while there is anything."""
        error = self.progress["error"]
        if self.ended or not error:
            return None
        return f"{error['message'] or error['type']} We keep trying."

    @property
    def advice(self) -> str:
        return NEXT.get(self.progress["error"]["type"], OTHERWISE)

    @property
    def may_be_asked_again(self) -> bool:
        """Could another attempt not be paid for twice?"""
        return str(self.progress["error"]["type"]) != "SubmissionUnknown"

    @property
    def bar(self) -> tuple[float, float] | None:
        """Return how much of what is done; None when nobody knows."""
        told = self.progress
        if told["bytes_total"]:
            return told["bytes_done"] or 0, told["bytes_total"]
        expected = told["expected_seconds"]
        if expected and told["elapsed"] is not None and told["elapsed"] < expected:
            return told["elapsed"], expected
        return None

    @property
    def timing(self) -> str:
        """Say how long it has been, and how long such a video typically takes."""
        elapsed, expected = self.progress["elapsed"], self.progress["expected_seconds"]
        most = self.progress["expected_at_most"] or expected
        if elapsed is None:
            return "Just asked for."
        if most and elapsed >= most:
            return f"{spell(elapsed)}. That is longer than usual; it still runs."
        return f"{spell(elapsed)} of typically {spell(expected or 0)}."


def spell(seconds: float) -> str:
    """Return a length of time as people say it."""
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    return f"{minutes} min {rest:02} s" if rest else f"{minutes} min"
