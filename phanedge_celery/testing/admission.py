"""What the gateway and the vendor refuse about a create."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .wire import Answer, json_answer

PROMPT_LIMIT = 2000
WIDE: Mapping[str, tuple[int, ...]] = {"768P": (6, 10), "1080P": (6,)}
OLD: Mapping[str, tuple[int, ...]] = {"720P": (6,), "1080P": (6,)}
MODELS: Mapping[str, Mapping[str, tuple[int, ...]]] = {
    "MiniMax-Hailuo-2.3": WIDE,
    "MiniMax-Hailuo-2.3-Fast": WIDE,
    "MiniMax-Hailuo-02": {**WIDE, "512P": (6, 10)},
    "T2V-01": OLD,
    "T2V-01-Director": OLD,
    "I2V-01": {"720P": (6,)},
    "I2V-01-Director": {"720P": (6,)},
    "I2V-01-live": {"720P": (6,)},
}
"""Contract, table 2.2; a model that is not here is let through."""


def refusal(request: Any) -> Answer | None:
    """Return the refusal of a create, None when it is accepted."""
    if not isinstance(request, Mapping):
        return _gateway("unmarshal error: the body is no JSON object")
    return _malformed(request) or _unsupported(request)


def _malformed(request: Mapping[str, Any]) -> Answer | None:
    prompt, duration = request.get("prompt") or "", request.get("duration", 6)
    if not isinstance(prompt, str) or not isinstance(duration, int):
        return _gateway("unmarshal error: prompt is a string, duration an integer")
    if len(prompt.strip()) > PROMPT_LIMIT:
        return _gateway(f"prompt exceeds {PROMPT_LIMIT} characters")
    mode = _mode(request)
    if mode in ("text2video", "subject2video") and not prompt.strip():
        return _gateway(f"prompt is required for {mode}")
    return None


def _mode(request: Mapping[str, Any]) -> str:
    if "subject_reference" in request or "s2v-01" in _model(request).lower():
        return "subject2video"
    return "image2video" if request.get("first_frame_image") else "text2video"


def _model(request: Mapping[str, Any]) -> str:
    return str(request.get("model") or "MiniMax-Hailuo-02")


def _unsupported(request: Mapping[str, Any]) -> Answer | None:
    model, mode = _model(request), _mode(request)
    if mode == "subject2video":
        return _subject(request)
    if mode == "text2video" and model.startswith(("I2V-", "MiniMax-Hailuo-2.3-Fast")):
        return _upstream("first_frame_image is required")
    resolution = _normal(str(request.get("resolution") or ""))
    offered = MODELS.get(model, {})
    if offered and resolution and resolution not in offered:
        return _upstream("model does not support this resolution")
    if offered and request.get("duration", 6) not in _durations(offered, resolution):
        return _upstream("model does not support this duration")
    return None


def _normal(resolution: str) -> str:
    return f"{resolution}P" if resolution.isdigit() else resolution.upper()


def _durations(
    offered: Mapping[str, tuple[int, ...]], resolution: str
) -> tuple[int, ...]:
    return offered[resolution] if resolution else next(iter(offered.values()))


def _subject(request: Mapping[str, Any]) -> Answer | None:
    subjects = request.get("subject_reference")
    if not isinstance(subjects, list) or len(subjects) != 1:
        return _upstream("subject_reference must have one item")
    subject = subjects[0]
    images = subject.get("image") if isinstance(subject, Mapping) else None
    if not isinstance(images, list) or len(images) != 1:
        return _upstream("subject_reference must have one image")
    return None


def _gateway(message: str) -> Answer:
    return json_answer({"code": "invalid_request", "message": message}, 400)


def _upstream(text: str) -> Answer:
    problem = {"status_code": 2013, "status_msg": f"invalid params, {text}"}
    return json_answer({"task_id": "", "base_resp": problem})
