"""The quick start of the documentation, step by step, with any interpreter."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.processes import Child


def run_quickstart(folder: Path, python: Path, **env: str) -> str:
    """Do in *folder* what the page says; return what `ask.py` printed.

    *folder* holds the files of `examples/quickstart`; *python* has the package.
    """
    serve = [
        str(python),
        "-m",
        "phanedge_celery.testing",
        "--port",
        "0",
        "--seconds",
        "1,1",
    ]
    fake = Child(serve, folder / "fake.log", env=env, cwd=folder)
    work = [str(python), "-m", "celery", "-A", "shop", "worker", "-Q", "phanedge"]
    try:
        fake.start()
        fake.wait_for_log("listens on", timeout=60)
        env = {**env, **told_by(fake.log())}
        worker = Child(work, folder / "worker.log", env=env, cwd=folder)
        try:
            worker.start()
            return _asked(folder, python, worker)
        finally:
            worker.stop()
    finally:
        fake.stop()


def told_by(log: str) -> dict[str, str]:
    """Return the environment that the fake's own line asks for."""
    found = re.search(r"listens on (\S+), key (\S+)", log)
    assert found, log
    return {"PHANEDGE_BASE_URL": found[1], "PHANEDGE_API_KEY": found[2]}


def _asked(folder: Path, python: Path, worker: Child) -> str:
    ran = subprocess.run(
        [python, "ask.py"],
        cwd=folder,
        env=worker.env,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert ran.returncode == 0, ran.stderr + worker.log()
    return ran.stdout
