"""How many queries may be made now: a steady rate, carried from slice to slice."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

_ROUNDING: Final = 1e-6
"""Of a query: what sums of fractions lack."""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many queries *per_second*, used up until the moment *free_at*; None: any."""

    per_second: float | None
    free_at: float = 0

    def allows(self, now: float, step: float) -> float:
        """Return how many queries may begin in the next *step* seconds, whole ones."""
        if self.per_second is None:
            return math.inf
        free_at = max(self.free_at, now)
        many = math.floor((now + step - free_at) * self.per_second + _ROUNDING)
        return max(many, 1 if free_at <= now else 0)

    def used(self, queries: int, now: float) -> Rate:
        if self.per_second is None:
            return self
        spent = max(self.free_at, now) + queries / self.per_second
        return replace(self, free_at=spent)
