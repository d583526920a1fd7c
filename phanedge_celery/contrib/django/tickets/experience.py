"""How long the last jobs of a kind took."""

from __future__ import annotations

import json

from .tables import table


class Experience:
    def note(self, kind: str, seconds: float, keep: int) -> None:
        took = json.dumps([*self.took(kind), seconds][-keep:])
        with table("Kind") as kinds:
            kinds.update_or_create(kind=kind, defaults={"took": took})

    def took(self, kind: str) -> list[float]:
        with table("Kind") as kinds:
            held = kinds.filter(pk=kind).values_list("took", flat=True).first()
        noted: list[float] = json.loads(held) if held else []
        return noted
