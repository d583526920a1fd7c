"""`make demo`, as a newcomer runs it: its own processes, its own folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

DEMO = Path(__file__).parents[2] / "examples" / "demo.py"


def test_the_demo_loses_no_job_with_the_worker_that_it_kills() -> None:
    environment = {k: v for k, v in os.environ.items() if "PHANEDGE" not in k}

    ran = subprocess.run(
        [sys.executable, DEMO],
        env=environment,
        capture_output=True,
        text=True,
        timeout=115,
        check=True,
    )

    assert "SIGKILL" in ran.stdout
    assert ran.stdout.count('"download_url": "http') == 4
    assert "ContentRejected: The content policy refused the video" in ran.stdout
    assert "Traceback" not in ran.stdout + ran.stderr
