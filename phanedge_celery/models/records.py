"""What the service answers, typed and frozen, up to the video that we return."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    PlainValidator,
    ValidationError,
)

from ..errors import RequestInvalid
from .status import JobStatus
from .texts import plain_text

SHOWN = 80
"""How many characters of a text a repr shows."""

AnyRecord = TypeVar("AnyRecord", bound="Record")


class Record(BaseModel):
    """Base of our models: frozen, JSON by itself, silent about secrets.

    kombu's encoder calls ``__json__``, so that a model may be passed wherever a dict
    may: as a task's argument, inside a canvas, as a result.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    @classmethod
    def read(cls: type[AnyRecord], value: object) -> AnyRecord:
        """Return *value*, a mapping or a model, as this model.

        Raises `RequestInvalid`, which names the first field that is wrong.
        """
        if isinstance(value, cls):
            return value
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            where, what = _first(error)
            name = cls.__name__
            raise RequestInvalid(f"{name}{where} is wrong: {what}") from error

    def __json__(self) -> dict[str, Any]:
        return self.model_dump(mode="json")

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            yield name, _shown(value)


def _first(error: ValidationError) -> tuple[str, str]:
    found = error.errors(include_url=False, include_input=False)[0]
    return "".join(f".{part}" for part in found["loc"]), found["msg"]


def _shown(value: object) -> object:
    return plain_text(value, SHOWN) if type(value) is str else value


def _as_id(value: object) -> object:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if is_number else value


def _in_utc(moment: datetime) -> datetime:
    return moment.astimezone(timezone.utc)


def _word(status: JobStatus) -> str:
    return str(status)


def _status(word: object) -> JobStatus:
    return JobStatus(word)


Id = Annotated[str, BeforeValidator(_as_id)]
Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
Status = Annotated[
    JobStatus, PlainValidator(_status), PlainSerializer(_word, return_type=str)
]


class Submission(Record):
    """A job was made (contract, 2.3); which *platform_id* a plain vendor lacks."""

    job_id: Id
    platform_id: Id | None = None


class JobReport(Record):
    """One answer to a query (contract, section 3)."""

    job_id: Id
    """The vendor's own id when the answer tells it, else the one asked for."""
    platform_id: Id | None = None
    status: Status
    file_id: Id | None = None
    width: int | None = None
    """In pixels, like *height*."""
    height: int | None = None
    reason: str | None = None
    """What the answer says went wrong, in the vendor's words."""
    download_url: str | None = None
    """Undocumented; the last resort where a file id never comes."""


class FileRecord(Record):
    """What the service keeps and says of a file (contract, 4.1)."""

    file_id: Id
    bytes: int | None = None
    """Its size; None when the service does not know."""
    created_at: Moment | None = None
    filename: str | None = None
    """The same for every job: for people, never a key."""
    download_url: str | None = None
    """Good for about an hour, for anyone who holds it."""
    backup_download_url: str | None = None


class Video(Record):
    """The result of a job, as `result.get()` returns it: `Video.model_validate(…)`.

    In JSON ids are text, times ISO 8601 in UTC, and the unknown is null.
    """

    job_id: Id | None = None
    platform_id: Id | None = None
    file_id: Id | None = None
    status: Status | None = None
    width: int | None = None
    height: int | None = None
    filename: str | None = None
    bytes: int | None = None
    created_at: Moment | None = None
    download_url: str | None = None
    retrieved_at: Moment | None = None
    """When *download_url* was given; it is good for about an hour."""
    saved_to: str | None = None
    sha256: str | None = None

    @classmethod
    def of(
        cls,
        file: FileRecord,
        report: JobReport | None = None,
        *,
        job_id: str | None = None,
        retrieved_at: datetime,
    ) -> Video:
        """Put together what is known of a job and its file."""
        known: Mapping[str, Any] = report.model_dump() if report else {}
        here = file.model_dump(exclude_none=True)
        return cls.model_validate(
            {**known, **here, "retrieved_at": retrieved_at}
            | ({"job_id": job_id} if job_id else {})
        )
