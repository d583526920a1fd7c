"""Which models are documented to make what: a table that grows, so it only warns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

Mode = Literal["t2v", "i2v", "fl2v", "s2v"]
"""From text, a first frame, a first and a last frame, a subject."""

Made = Mapping[str, tuple[int, ...]]
"""Seconds by resolution; none at all where both are better left out."""

_HAILUO: Final[Made] = {"768P": (6, 10), "1080P": (6,)}
_HAILUO_02_I2V: Final[Made] = {"512P": (6, 10), **_HAILUO}
_ALONE: Final[Made] = {}

TABLE: Final[Mapping[Mode, Mapping[str, Made]]] = {
    "t2v": {
        "MiniMax-Hailuo-2.3": _HAILUO,
        "MiniMax-Hailuo-02": _HAILUO,
        "T2V-01-Director": _ALONE,
        "T2V-01": _ALONE,
    },
    "i2v": {
        "MiniMax-Hailuo-2.3": _HAILUO,
        "MiniMax-Hailuo-2.3-Fast": _HAILUO,
        "MiniMax-Hailuo-02": _HAILUO_02_I2V,
        "I2V-01-Director": _ALONE,
        "I2V-01-live": _ALONE,
        "I2V-01": _ALONE,
    },
    "fl2v": {"MiniMax-Hailuo-02": _HAILUO},
    "s2v": {"S2V-01": _ALONE},
}
"""Contract, table 2.2."""


def doubts(
    mode: Mode, model: str, resolution: str | None, duration: int | None
) -> list[str]:
    """Return what the table has against this request; a model it lacks passes."""
    made = TABLE[mode].get(model)
    if made is not None:
        return _doubts(made, f"{model} ({mode})", resolution, duration)
    modes = [mode for mode, models in TABLE.items() if model in models]
    if not modes:
        return []
    return [f"{model} is documented for {' and '.join(modes)}, this request is {mode}"]


def _doubts(
    made: Made, what: str, resolution: str | None, duration: int | None
) -> list[str]:
    if not made:
        unasked = resolution is None and duration is None
        return [] if unasked else [f"{what} is best sent no resolution and no duration"]
    shape = (resolution or "768P", duration or 6)
    if shape[1] in made.get(shape[0], ()):
        return []
    known = ", ".join(
        f"{name} of {' or '.join(map(str, seconds))} s"
        for name, seconds in made.items()
    )
    return [f"{what} is documented to make {known}; not {shape[0]} of {shape[1]} s"]
