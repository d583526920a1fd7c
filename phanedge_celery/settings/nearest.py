"""What a misspelt name was meant to be."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches


def nearest(name: str, known: Sequence[str]) -> str:
    """Return a hint at the one of *known* that looks most like *name*, or at all."""
    close = get_close_matches(name, known, n=1, cutoff=0.5)
    return f"the nearest is {close[0]}" if close else f"there are {', '.join(known)}"
