"""The picture of the stages, drawn from `tickets.FOLLOWED_BY`.

    python docs/drawing.py

writes `docs/states.svg` anew. A test sees that it is current.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

DOCS: Final = Path(__file__).resolve().parent
PICTURE: Final = DOCS / "states.svg"
sys.path.insert(0, str(DOCS.parent))

from phanedge_celery.tickets import FOLLOWED_BY, Stage  # noqa: E402

WIDE, HIGH = 110, 36
PLACES: Final[Mapping[Stage, tuple[float, float]]] = {
    Stage.QUEUED: (75, 190),
    Stage.SUBMITTING: (235, 190),
    Stage.POLLING: (395, 190),
    Stage.RETRIEVING: (555, 190),
    Stage.SAVING: (715, 190),
    Stage.CANCELLED: (395, 50),
    Stage.ENDING: (395, 330),
    Stage.FAILED: (235, 420),
    Stage.DONE: (575, 330),
}
"""The middle of each box; a stage without one cannot be drawn."""


ROUND: Final = {
    (
        Stage.FAILED,
        Stage.RETRIEVING,
    ): "M290 415C470 415 485 380 485 330S535 270 540 208",
    (Stage.FAILED, Stage.SAVING): "M290 425C560 425 725 400 725 208",
}
"""Ways that would lead through a box."""

STYLE: Final = """
  text { font: 14px system-ui, sans-serif; text-anchor: middle; fill: #222 }
  rect { fill: #fff; stroke: #555; stroke-width: 1.5; rx: 8 }
  .ended rect { fill: #e8eaf6 } .way { fill: none; stroke: #555; stroke-width: 1.3 }
  .cancel { stroke: #aaa } .back { stroke: #3949ab; stroke-dasharray: 5 4 }
  @media (prefers-color-scheme: dark) {
    text { fill: #eee } rect { fill: #2a2a35; stroke: #bbb } .way { stroke: #bbb }
    .ended rect { fill: #3a3f66 } .cancel { stroke: #777 } .back { stroke: #9fa8da }
  }
"""
HEAD: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 790 460" role="img" '
    'aria-label="The stages of a job">'
)
MARKER: Final = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
    'markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="#777"/></marker>'
    "</defs>"
)


def picture() -> str:
    """Return the SVG as it follows from the table."""
    lines = [HEAD, f"<style>{STYLE}</style>", MARKER, *ways(), *boxes(), "</svg>"]
    return "\n".join(lines) + "\n"


def ways() -> Iterator[str]:
    for before, after in pairs():
        kind, path = way(before, after)
        told = f"<title>{before} → {after}</title>"
        yield (
            f'<path class="way {kind}" d="{path}" marker-end="url(#tip)">{told}</path>'
        )


def pairs() -> Iterator[tuple[Stage, Stage]]:
    for before in PLACES:
        for after in sorted(FOLLOWED_BY[before], key=list(PLACES).index):
            yield before, after


def way(before: Stage, after: Stage) -> tuple[str, str]:
    """Return what kind of way it is, and its path."""
    if (before, after) in ROUND:
        return "back", ROUND[before, after]
    (x, y), (to_x, to_y) = PLACES[before], PLACES[after]
    if y == to_y:
        return "", _level(x, to_x, y)
    kind = "cancel" if after is Stage.CANCELLED else ""
    kind = "back" if before in (Stage.FAILED, Stage.ENDING) and to_y < y else kind
    down = 1 if to_y > y else -1
    aside = _aside(before, after)
    start, end = y + down * HIGH / 2, to_y - down * HIGH / 2
    middle = (start + end) / 2
    x, to_x = x + aside, to_x + _spread(x, to_x)
    path = f"M{x:g} {start:g}C{x:g} {middle:g} {to_x:g} {middle:g} {to_x:g} {end:g}"
    return kind, path


def _level(x: float, to_x: float, y: float) -> str:
    """Neighbours by a line, all others by an arc above; back by one below."""
    step = to_x - x
    if 0 < step < 200:
        return f"M{x + WIDE / 2:g} {y:g}H{to_x - WIDE / 2 - 2:g}"
    side = -1 if step > 0 else 1
    edge, bend = y + side * HIGH / 2, y + side * (HIGH / 2 + 34)
    return (
        f"M{x + 25 * (1 if step > 0 else -1):g} {edge:g}"
        f"Q{(x + to_x) / 2:g} {bend:g} {to_x - 25 * (1 if step > 0 else -1):g} {edge:g}"
    )


def _aside(before: Stage, after: Stage) -> float:
    """Where on its edge a way begins, so that two of them do not lie on each other."""
    if before is Stage.FAILED:
        return -40 if after is Stage.QUEUED else 25
    return 12 if after is Stage.POLLING else -12


def _spread(x: float, to_x: float) -> float:
    """Where on its edge a way ends: towards the side that it comes from."""
    return max(-40.0, min(40.0, (x - to_x) / 8))


def boxes() -> Iterator[str]:
    for stage, (x, y) in PLACES.items():
        left, top = x - WIDE / 2, y - HIGH / 2
        kind = ' class="ended"' if stage.ended else ""
        yield (
            f'<g{kind}><rect x="{left:g}" y="{top:g}" width="{WIDE}" height="{HIGH}"/>'
            f'<text x="{x:g}" y="{y + 5:g}">{stage}</text></g>'
        )


def main() -> int:
    PICTURE.write_text(picture(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
