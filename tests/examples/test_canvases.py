"""`examples/canvases.py`, as a reader runs it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

CANVASES = Path(__file__).parents[2] / "examples" / "canvases.py"


def test_each_canvas_comes_to_its_end_and_the_errback_is_told() -> None:
    environment = {k: v for k, v in os.environ.items() if "PHANEDGE" not in k}

    ran = subprocess.run(
        [sys.executable, CANVASES],
        env=environment,
        capture_output=True,
        text=True,
        timeout=115,
        check=True,
    )

    shown = dict(line.split(": ", 1) for line in ran.stdout.splitlines())
    assert re.fullmatch(r"/cats/1 shows the video of job \d+", shown["chain"])
    assert re.fullmatch(r"job \d+, job \d+", shown["group"])
    assert shown["chord"] == "a montage of 3 videos"
    assert re.fullmatch(r"job \d+", shown["the steps, spelled out"])
    assert shown["link_error"].startswith("ContentRejected: ")
    assert "The content policy refused" in shown["the errback was told"]
    assert ran.stderr == ""
