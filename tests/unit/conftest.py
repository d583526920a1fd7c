"""How hard the laws are tried: `HYPOTHESIS_PROFILE=fuzz pytest tests/unit`."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import HealthCheck, settings

# By the clock: on a busy machine every law is slow.
UNTIMED: Any = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("normal", max_examples=500, **UNTIMED)
settings.register_profile("fuzz", max_examples=20_000, **UNTIMED)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "normal"))
