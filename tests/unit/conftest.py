"""How hard the laws are tried: `HYPOTHESIS_PROFILE=fuzz pytest tests/unit`."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

settings.register_profile("normal", max_examples=500, deadline=None)
settings.register_profile(
    "fuzz",
    max_examples=20_000,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "normal"))
