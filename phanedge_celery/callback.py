"""The vendor's callback: a URL that nobody can guess, and what its body hints at."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from .errors import ConfigurationError
from .models import JobStatus
from .models.ids import wire_id

if TYPE_CHECKING:
    from itsdangerous import URLSafeSerializer

MOST: Final = 64 * 1024
"""Bytes of a body; the vendor's have some hundred."""

SALT: Final = "phanedge.callback"
"""Keeps these signatures apart from all others made with the same secret."""

CALLED: Final = "phanedge_called"
"""The header of a job's message which says that the vendor calls about it."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """The vendor asks, before it accepts a job, whether this is the right place."""

    value: str | int
    """To be sent back as it is."""


@dataclass(frozen=True, slots=True)
class Hint:
    """What the vendor says of a job: never believed, since nobody signs it."""

    job_id: str
    status: JobStatus | None

    @property
    def terminal(self) -> bool:
        """Would asking now show the job's end?"""
        return self.status is not None and self.status.terminal


def signed_url(base: str, secret: str, id: str) -> str:
    """Return where the vendor may call about the job of the Celery id *id*.

    Whoever knows the URL can hasten that job, so it is as secret as a token: it
    goes to the vendor and nowhere else. Raises `ConfigurationError` without
    itsdangerous.
    """
    return f"{base.rstrip('/')}/{_serializer(secret).dumps(id)}"


def id_of(token: str, secret: str) -> str | None:
    """Return the Celery id that *token* was signed for, None for any other text.

    The comparison takes the same time wherever they differ. Raises
    `ConfigurationError` without itsdangerous.
    """
    serializer = _serializer(secret)
    from itsdangerous import BadData

    try:
        id = serializer.loads(token)
    except BadData:
        return None
    return id if isinstance(id, str) else None


def read(body: bytes) -> Challenge | Hint | None:
    """Read what was POSTed, None for what is neither (contract, section 6).

    Reads any bytes; who calls it keeps them to `MOST`.
    """
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, Mapping):
        return None
    if "challenge" in said:
        return _challenge(said["challenge"])
    return _hint(said)


def calls_arrive(message: Mapping[str, Any] | None) -> bool:
    """Has the vendor called about the job of *message*, and not of its end so far?"""
    return CALLED in ((message or {}).get("options") or {}).get("headers", {})


def with_calls(message: Mapping[str, Any], *, arrive: bool) -> dict[str, Any]:
    """Return *message* for a job about which the vendor calls, or has called last."""
    options = dict(message["options"])
    headers = {k: v for k, v in options.pop("headers", {}).items() if k != CALLED}
    if arrive:
        headers[CALLED] = True
    kept = {"headers": headers} if headers else {}
    return {**message, "options": {**options, **kept}}


def _challenge(value: Any) -> Challenge | None:
    plain = isinstance(value, (str, int)) and not isinstance(value, bool)
    return Challenge(value) if plain else None


def _hint(said: Mapping[str, Any]) -> Hint | None:
    job_id = wire_id(said.get("task_id"))
    return Hint(job_id, JobStatus.read(said.get("status"))) if job_id else None


def _serializer(secret: str) -> URLSafeSerializer:
    try:
        from itsdangerous import URLSafeSerializer
    except ImportError as error:
        raise ConfigurationError(
            "phanedge_callback_url needs itsdangerous, which signs it: "
            'pip install "phanedge-celery[callback]"'
        ) from error
    return URLSafeSerializer(
        secret, salt=SALT, signer_kwargs={"digest_method": hashlib.sha256}
    )
