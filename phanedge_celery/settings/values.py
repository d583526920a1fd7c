"""What the settings may be: names, types, limits, defaults."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Mapping
from dataclasses import fields
from datetime import timedelta
from typing import Annotated
from urllib.parse import SplitResult, urlsplit, urlunsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
)

from ..schedule import PollSchedule
from .nearest import nearest


def _as_seconds(value: object) -> object:
    return value.total_seconds() if isinstance(value, timedelta) else value


def _as_pair(value: object) -> object:
    if isinstance(value, list | tuple) and len(value) == 2:
        return tuple(value)
    raise ValueError("should be two numbers of seconds, [connect, read]")


def _as_schedule(value: object) -> PollSchedule:
    if isinstance(value, PollSchedule):
        return value
    if not isinstance(value, Mapping):
        raise ValueError("should be a mapping of PollSchedule's fields")
    known = [field.name for field in fields(PollSchedule)]
    for name, number in value.items():
        if name not in known:
            raise ValueError(f"has no field {name!r}; {nearest(str(name), known)}")
        if not _is_seconds(number):
            raise ValueError(f"should have a number, 0 or more, as {name!r}")
    return PollSchedule(**value)


def _is_seconds(value: object) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and 0 <= value < math.inf  # type: ignore[operator]


def _as_token(secret: SecretStr) -> SecretStr:
    token = secret.get_secret_value().strip()
    if not (token and token.isascii() and token.isprintable() and " " not in token):
        raise ValueError("is blank or has a character that no HTTP header carries")
    return SecretStr(token)


def is_loopback(host: str) -> bool:
    """Does *host*, a name or an address, always mean this machine?"""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _as_listener(value: object) -> tuple[str, int]:
    """Return host and port of ``9808``, ``"9808"`` or ``"127.0.0.1:9808"``."""
    host, _, port = str(value).strip().rpartition(":")
    number = int(port) if port.isascii() and port.isdecimal() else 0
    if isinstance(value, bool) or not 0 < number < 65_536:
        raise ValueError('should be a port, 9808, or host and port, "127.0.0.1:9808"')
    return host.strip("[]"), number


def _split(address: str) -> SplitResult:
    address = address.strip()
    url = urlsplit(address)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ValueError("should be an address that begins with https://")
    if "@" in url.netloc or url.query or url.fragment:
        raise ValueError("should have no user, password, query or fragment")
    if not address.isprintable() or " " in address or url.port == 0:
        raise ValueError("should be an address without spaces, with a port above 0")
    return url._replace(netloc=url.netloc.lower(), path=url.path.rstrip("/"))


def _root(path: str) -> str:
    for end in ("/minimaxi/v1", "/minimaxi"):
        if path.endswith(end):
            return path.removesuffix(end).rstrip("/")
    return path


Seconds = Annotated[
    float, BeforeValidator(_as_seconds), Field(gt=0, allow_inf_nan=False)
]
Text = Annotated[str, Field(min_length=1)]
Token = Annotated[SecretStr, AfterValidator(_as_token)]


class Settings(BaseModel):
    """What the ``phanedge_*`` keys say, each under its name without that prefix.

    Durations are seconds; a `timedelta` is taken too.
    """

    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", hide_input_in_errors=True
    )

    api_key: Token | None = None
    """Needed where steps run; who only enqueues does without."""
    allow_http: bool = False
    """May ``base_url`` be plain http to another machine?"""
    base_url: Text = "https://models.phanedge.cloud"
    """Kept without ``/minimaxi/v1`` and without a slash at its end."""
    timeout: Annotated[tuple[Seconds, Seconds], BeforeValidator(_as_pair)] = (5, 30)
    """Of one HTTP call: connect, read."""
    max_wait: Seconds = 1800
    """From the moment the job id is known until we stop following the job."""
    schedule: Annotated[PollSchedule, BeforeValidator(_as_schedule)] = PollSchedule()
    tickets: Text | None = Field(None, repr=False)
    """URL of the ticket store, or ``django``; None: where the results are."""
    remember: Seconds = 30 * 86400
    """How long ended tickets are kept, and with them the meaning of a key."""
    storage: Text | None = Field(None, repr=False)
    """Where files go: an fsspec URL, or ``django:alias``."""
    max_bytes: int = Field(2 * 1024**3, gt=0)
    """Of one saved file."""
    allow_private_hosts: bool = False
    """May a download go to a private address?"""
    watch_polls: bool = False
    """Does the watch ask for all waiting jobs, in batches?"""
    poll_rate: float | None = Field(None, gt=0, allow_inf_nan=False)
    """Queries a second, for the whole account."""
    callback_secret: SecretStr | None = Field(None, min_length=1)
    """What callback URLs are signed with."""
    callback_url: Text | None = None
    """Public address of the receiver, kept without a slash at its end."""

    metrics: Annotated[tuple[str, int], BeforeValidator(_as_listener)] | None = None
    """Host and port on which a worker serves metrics; host ``""`` is every address."""

    @field_validator("base_url")
    @classmethod
    def _keeps_the_key_safe(cls, value: str, info: ValidationInfo) -> str:
        url = _split(value)
        safe = url.scheme == "https" or is_loopback(url.hostname or "")
        if not (safe or info.data.get("allow_http")):
            raise ValueError(
                "should begin with https://, or the API key travels in the clear "
                "(phanedge_allow_http = True allows it)"
            )
        return urlunsplit(url._replace(path=_root(url.path)))

    @field_validator("callback_url")
    @classmethod
    def _can_be_signed(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None:
            return None
        if not info.data.get("callback_secret"):
            raise ValueError("needs phanedge_callback_secret, to be signed with")
        return urlunsplit(_split(value))
