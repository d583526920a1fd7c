"""What went wrong, sorted by what the caller does next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

__all__ = [
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


class PhanEdgeError(Exception):
    """The base of all errors here; catch it to catch any of them.

    The parameters are positional and JSON scalars, because a result backend
    stores ``args`` and rebuilds an error as ``cls(*args)``.
    """

    resumable: ClassVar[bool] = True
    """Does `resume_video` go on with the job under the same id?"""

    def __init__(
        self,
        message: str = "",
        code: int | str | None = None,
        job_id: str | None = None,
        http_status: int | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, code, job_id, http_status, request_id)
        self.message = message
        self.code = code
        self.job_id = job_id
        self.http_status = http_status
        self.request_id = request_id

    def __str__(self) -> str:
        known = {
            "code": self.code,
            "job_id": self.job_id,
            "http_status": self.http_status,
            "request_id": self.request_id,
        }
        facts = ", ".join(f"{k}={v}" for k, v in known.items() if v is not None)
        text = self.message or (type(self).__doc__ or "").partition("\n")[0]
        return f"{text} ({facts})" if facts else text

    def about(self, job_id: str | None) -> PhanEdgeError:
        """Return the same error, naming the job when it did not yet."""
        if self.job_id or not job_id:
            return self
        message, code, _, *rest = self.args
        return type(self)(message, code, job_id, *rest)


class ConfigurationError(PhanEdgeError):
    """The settings cannot work; the message names the key and where to set it."""


class RequestInvalid(PhanEdgeError):
    """The request can never be accepted as it is; change it."""

    resumable = False


class ContentRejected(PhanEdgeError):
    """The vendor's content policy refused the prompt, the image or the video."""

    resumable = False


class AuthenticationFailed(PhanEdgeError):
    """The API key was refused; set a valid one, then resume."""


class QuotaExhausted(PhanEdgeError):
    """The account is out of credit; top up, then resume."""


class RateLimited(PhanEdgeError):
    """Too many requests; the tasks wait by themselves."""


class ServiceUnavailable(PhanEdgeError):
    """The service could not answer just now; the tasks wait by themselves."""


class UnexpectedAnswer(PhanEdgeError):
    """The service said something that this version cannot read; report it to us."""


class SubmissionUnknown(PhanEdgeError):
    """The job may or may not exist; look in the vendor's console, then adopt it.

    `resume_video(id, job_id="…")` adopts the job that you find there. Submit
    again, under a new key, only when there is none: it would be paid twice.
    """

    resumable = False


class JobNotFound(PhanEdgeError):
    """The service does not know this job; check the id and the account."""


class JobFailed(PhanEdgeError):
    """The vendor gave the job up; submit again if you still want it."""

    resumable = False


class JobTimedOut(PhanEdgeError):
    """The deadline passed first; the job may still finish, resume to follow it."""


class FileUnavailable(PhanEdgeError):
    """The job succeeded but its file cannot be had; resume to ask for it again."""


class DownloadFailed(PhanEdgeError):
    """The file could not be read whole; resume to download it again."""


class StorageFailed(PhanEdgeError):
    """The storage refused the file; mend it, then resume to save again."""


def error_fields(error: PhanEdgeError) -> dict[str, Any]:
    """Return *error* as JSON: type, message, code, job_id, resumable and the rest."""
    return {
        "type": type(error).__name__,
        "message": error.message or str(error),
        "code": error.code,
        "job_id": error.job_id,
        "http_status": error.http_status,
        "request_id": error.request_id,
        "resumable": error.resumable,
    }


def error_from(fields: Mapping[str, Any]) -> PhanEdgeError:
    """Return the error whose `error_fields` these are."""
    cls = globals().get(fields["type"], PhanEdgeError)
    return cls(  # type: ignore[no-any-return]
        fields["message"],
        fields["code"],
        fields["job_id"],
        fields["http_status"],
        fields["request_id"],
    )
