"""What is posted to create a video."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic.functional_validators import ModelWrapValidatorHandler

from ..errors import RequestInvalid
from .canonical import canonical
from .matrix import Mode, doubts
from .records import Record
from .texts import plain_text

MAX_REQUEST: Final = 1 << 20
"""Bytes of a request as JSON: it travels in a message and lies in a ticket."""

MAX_PROMPT: Final = 2000
STORED: Final = "storage:"

_WEB = re.compile(r"(?i)https?://[^\s/?#]+(?:[/?#]\S*)?")
_DATA = re.compile(r"(?i)data:image/[\w.+-]+;base64,\S+")
_STORED = re.compile(rf"{STORED}\S(?:.*\S)?")


def _name(text: str) -> str:
    return _so(text, bool(text.strip()))


def _prompt(text: str) -> str:
    return _so(text, len(text.strip()) <= MAX_PROMPT)


def _frame(text: str) -> str:
    kinds = (_WEB, _DATA, _STORED)
    return _so(text, any(kind.fullmatch(text) for kind in kinds))


def _web(text: str) -> str:
    return _so(text, bool(_WEB.fullmatch(text)))


def _so(text: str, holds: bool) -> str:  # noqa: FBT001
    if not holds:
        raise ValueError
    return text


Frame = Annotated[str, AfterValidator(_frame)]


class Subject(Record):
    """Who a video is about: a type, which is ``character``, and one image."""

    model_config = ConfigDict(extra="allow", strict=True)

    type: Literal["character"]
    image: Annotated[list[Frame], Field(min_length=1, max_length=1)]


class VideoRequest(Record):
    """What to make a video of (contract, 2.1).

    Checks what is documented and stable, and sends no key that the caller did not
    set. Keys that it does not know pass through, since models and parameters change
    monthly. Raises `RequestInvalid`, which names the field and its rule.
    """

    model_config = ConfigDict(extra="allow", strict=True)

    model: Annotated[str, AfterValidator(_name)]
    prompt: Annotated[str, AfterValidator(_prompt)] = ""
    """At most 2000 characters; needed unless a frame says what to show."""
    first_frame_image: Frame | None = None
    """An http(s) URL, ``data:image/…;base64,…``, or ``storage:<name>``."""
    last_frame_image: Frame | None = None
    subject_reference: Annotated[
        list[Subject] | None, Field(min_length=1, max_length=1)
    ] = None
    duration: Annotated[int, Field(ge=1)] | None = None
    """Seconds."""
    resolution: Annotated[str, AfterValidator(_name)] | None = None
    prompt_optimizer: bool | None = None
    fast_pretreatment: bool | None = None
    aigc_watermark: bool | None = None
    callback_url: Annotated[str, AfterValidator(_web)] | None = None
    external_task_id: str | None = None

    @model_validator(mode="wrap")
    @classmethod
    def _say_it_plainly(
        cls, value: Any, handler: ModelWrapValidatorHandler[VideoRequest]
    ) -> VideoRequest:
        if isinstance(value, VideoRequest):
            return value
        try:
            request = handler(_as_json(value))
        except ValidationError as error:
            raise RequestInvalid(_sentence(error, value)) from error
        _check_prompt(request)
        return request

    @property
    def mode(self) -> Mode:
        """Which kind of video this is, as the gateway tells it (contract, 2.1)."""
        if self.subject_reference or "s2v-01" in self.model.lower():
            return "s2v"
        if self.last_frame_image:
            return "fl2v"
        return "i2v" if self.first_frame_image else "t2v"

    def wire(self) -> dict[str, Any]:
        """Return the JSON that is posted: the keys that the caller set, no others."""
        return self.model_dump(mode="json", exclude_unset=True)

    __json__ = wire

    @property
    def sha256(self) -> str:
        """Tell whether two requests are the same, whatever the order of their keys."""
        return hashlib.sha256(canonical(self.wire())).hexdigest()

    def warnings(self) -> list[str]:
        """Return what the vendor may refuse, by what is documented today."""
        found = doubts(self.mode, self.model, self.resolution, self.duration)
        if self.mode == "s2v" and not self.subject_reference:
            found.append(f"{self.model} needs a subject_reference")
        if self.mode == "fl2v" and not self.first_frame_image:
            found.append("last_frame_image is ignored without first_frame_image")
        return found


def stored_images(wire: Mapping[str, Any]) -> list[str]:
    """Return names of images in the app's own storage, which are still to be read."""
    frames = [wire.get("first_frame_image"), wire.get("last_frame_image")]
    for subject in wire.get("subject_reference") or ():
        frames += subject.get("image", ())
    return [
        frame.removeprefix(STORED)
        for frame in frames
        if isinstance(frame, str) and frame.startswith(STORED)
    ]


def _as_json(value: object) -> dict[str, Any]:
    """Return *value* as plain JSON, without the known keys that are None."""
    if not isinstance(value, Mapping):
        raise RequestInvalid(f"the request must be a dict; got {type(value).__name__}")
    given = {
        key: item
        for key, item in value.items()
        if item is not None or key not in VideoRequest.model_fields
    }
    text = canonical(given)
    if len(text) > MAX_REQUEST:
        raise RequestInvalid(
            f"the request is {len(text) / MAX_REQUEST:.1f} MiB as JSON and may have 1:"
            " pass a large image as an http(s) URL, or put it into the storage and"
            " pass 'storage:<name>'"
        )
    plain: dict[str, Any] = json.loads(text)
    return plain


def _check_prompt(request: VideoRequest) -> None:
    if request.mode in ("t2v", "s2v") and not request.prompt.strip():
        raise RequestInvalid(f"prompt must be {_RULES['prompt']}; it is empty")


_FRAME = "an http(s) URL, 'data:image/…;base64,…' or 'storage:<name>'"
_RULES: Final = {
    "model": "the name of a model, such as 'MiniMax-Hailuo-2.3'",
    "prompt": f"text of 1 to {MAX_PROMPT} characters",
    "first_frame_image": _FRAME,
    "last_frame_image": _FRAME,
    "subject_reference": (
        'one item of one image: [{"type": "character", "image": ["https://…"]}]'
    ),
    "duration": "a whole number of seconds, such as 6 (not a text)",
    "resolution": "a text, such as '768P'",
    "prompt_optimizer": "true or false",
    "fast_pretreatment": "true or false",
    "aigc_watermark": "true or false",
    "callback_url": "an http(s) URL",
    "external_task_id": "a text",
}
"""Each field must be …"""


def _sentence(error: ValidationError, value: Mapping[str, Any]) -> str:
    field = str(error.errors(include_url=False, include_input=False)[0]["loc"][0])
    got = _got(value[field]) if field in value else "it is missing"
    return f"{field} must be {_RULES[field]}; {got}"


def _got(value: object) -> str:
    if isinstance(value, str):
        return f"got {plain_text(value, 40)!r} ({len(value)} characters)"
    if isinstance(value, (bool, int, float)):
        return f"got {value!r:.40}"
    return f"got {type(value).__name__}"
