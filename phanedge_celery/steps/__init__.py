"""How a step runs (design, section 5); the one place that knows versions."""

from __future__ import annotations

from .asking import query
from .running import run
from .step import Step, submit_lease
from .telling import tell_change

__all__ = ["Step", "query", "run", "submit_lease", "tell_change"]
