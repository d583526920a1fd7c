"""All benchmarks, one after the other, with their reports as JSON.

    python -m benchmarks [--quick | --tiny] [--only NAME …]

The reports go to `build/bench`. After a full run `python -m benchmarks.page` writes
them into the page about performance.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Final

from benchmarks.stand import ROOT

ALL: Final = ("importing", "saving", "poll_cost", "waiting", "scale", "delay", "peers")
REPORTS: Final = ROOT / "build" / "bench"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=ALL, choices=ALL)
    scale = parser.add_mutually_exclusive_group()
    for name in ("quick", "tiny"):
        scale.add_argument(f"--{name}", action="store_const", const=name, dest="scale")
    asked = parser.parse_args()
    options = [f"--{asked.scale}"] if asked.scale else []
    folder = REPORTS / asked.scale if asked.scale else REPORTS
    return max(run(name, folder, options) for name in asked.only)


def run(name: str, folder: Path, options: list[str]) -> int:
    """Run one benchmark; return its exit code."""
    command = [sys.executable, "-m", f"benchmarks.{name}", *options]
    command += ["--json", str(folder / f"{name}.json")]
    print(f"\n$ python {' '.join(command[1:])}", flush=True)
    return subprocess.run(command, check=False, cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main())
