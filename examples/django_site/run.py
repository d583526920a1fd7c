"""The whole site on this machine: `make site`. Ctrl-C stops everything.

A fake of the service, a worker and the web process, on SQLite, in a folder that is
gone afterwards. With PHANEDGE_API_KEY set the worker asks the real service instead,
which costs money. SITE_PORT chooses the port, SITE_DATA a folder that is kept.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
PYTHON = sys.executable
FAKE = ["-m", "phanedge_celery.testing", "--seconds", "4,12", "--callbacks", "--port"]
WORKER = ["-m", "celery", "-A", "project", "worker", "-Q", "phanedge"]
WORKER += ["-c", "2", "-l", "INFO"]
WEB = ["manage.py", "runserver", "--noreload"]


def main() -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with ExitStack() as stack:
        data = stack.enter_context(data_folder())
        port = int(os.environ.get("SITE_PORT") or 0) or free_port(8000)
        password = secrets.token_urlsafe(9)
        env = {
            **os.environ,
            "SITE_DATA": str(data),
            "DJANGO_SUPERUSER_PASSWORD": password,
            "PYTHONUNBUFFERED": "1",
        }
        real = bool(os.environ.get("PHANEDGE_API_KEY"))
        commands = {"worker": WORKER, "web": [*WEB, f"127.0.0.1:{port}"]}
        if not real:
            fake = free_port(8900)
            env["FAKE_URL"] = f"http://127.0.0.1:{fake}"
            env["SITE_URL"] = f"http://127.0.0.1:{port}"
            commands = {"fake": [*FAKE, str(fake)], **commands}
        try:
            prepare(env)
            children = {
                name: stack.enter_context(child(name, command, env, data))
                for name, command in commands.items()
            }
            wait_for_port(port, children)
            welcome(port, password, data, real=real)
            return watch(children, data)
        except KeyboardInterrupt:
            print("\nStopping.", flush=True)
            return 0


def prepare(env: dict[str, str]) -> None:
    """Make the tables, and somebody who may enter the admin."""
    staff = ["--username", "admin", "--email", "admin@localhost"]
    manage(env, "migrate", "--verbosity", "0")
    subprocess.run(
        [PYTHON, "manage.py", "createsuperuser", "--noinput", *staff],
        cwd=HERE,
        env=env,
        capture_output=True,
    )


def manage(env: dict[str, str], *command: str) -> None:
    subprocess.run([PYTHON, "manage.py", *command], cwd=HERE, env=env, check=True)


@contextmanager
def data_folder() -> Iterator[Path]:
    if given := os.environ.get("SITE_DATA"):
        folder = Path(given).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="phanedge-site-") as made:
        yield Path(made)


@contextmanager
def child(
    name: str, command: list[str], env: dict[str, str], data: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process of our own with a log of its own, and end it in its own way."""
    with (data / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            [PYTHON, *command],
            cwd=HERE,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for us; we stop them in order
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def free_port(wanted: int) -> int:
    """Return *wanted* if nobody listens there, else any port that is free."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no free port")


def wait_for_port(port: int, children: dict[str, subprocess.Popen[bytes]]) -> None:
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if any(process.poll() is not None for process in children.values()):
            return
        time.sleep(0.1)


def welcome(port: int, password: str, data: Path, *, real: bool) -> None:
    site = f"http://127.0.0.1:{port}/"
    print(f"The site:  {site}")
    print(f"The admin: {site}admin/  (admin, {password})")
    print(f"The logs:  {data}/*.log")
    if real:
        print("PHANEDGE_API_KEY is set: every video costs money.")
    else:
        print("Videos come from a fake of the service, in a quarter of a minute. What")
        print("goes wrong can be asked for, by ending a prompt with one of")
        print("  {fake: query_fail_1027}             the content policy refuses it")
        print("  {fake: Queueing, Processing, Fail}  the service gives it up")
    print("Ctrl-C stops all of it.", flush=True)


def watch(children: dict[str, subprocess.Popen[bytes]], data: Path) -> int:
    """Wait until one of them ends, which none should."""
    while True:
        for name, process in children.items():
            if process.poll() is not None:
                print((data / f"{name}.log").read_text(errors="replace")[-2000:])
                print(f"{name} has ended; so does the rest.", file=sys.stderr)
                return 1
        time.sleep(0.3)


if __name__ == "__main__":
    sys.exit(main())
