"""The example sites as processes: a web server and a worker, against a fake in ours."""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import requests

from phanedge_celery.testing import FakePhanEdge
from tests.processes import Child, wait_for
from tests.servers import free_port
from tests.servers.server import answers
from tests.workers import ROOT, python_path

EXAMPLES: Final = ROOT / "examples"
DJANGO: Final = EXAMPLES / "django_site"
FLASK: Final = EXAMPLES / "flask_site"


@dataclass(frozen=True, kw_only=True)
class Site:
    """A running site, its worker, and the fake that they ask."""

    url: str
    fake: FakePhanEdge
    folder: Path
    """What the site keeps: its database, its files."""
    worker: Child
    web: Child


@contextmanager
def django_site(broker: str = "", *, results: str = "") -> Iterator[Site]:
    """Start the Django site, looking often; all on SQLite unless told otherwise."""
    with _surroundings() as (fake, folder, env):
        env["CELERY_BROKER_URL"] = broker
        env["CELERY_RESULT_BACKEND"] = results
        env["DJANGO_SETTINGS_MODULE"] = "tests.quick_site"
        _finished(["manage.py", "migrate", "-v", "0"], env, folder / "migrate.log")
        serve = ["manage.py", "runserver", "--noreload"]
        with _running(DJANGO, "project", serve, folder, env, "127.0.0.1:") as started:
            yield Site(fake=fake, folder=folder, **started)


@contextmanager
def flask_site(broker: str = "", *, results: str = "") -> Iterator[Site]:
    """Start the Flask site as its README does; unless told otherwise on SQLite."""
    with _surroundings() as (fake, folder, env):
        env["CELERY_BROKER_URL"] = broker
        env["CELERY_RESULT_BACKEND"] = results
        serve = ["-m", "flask", "--app", "app", "run", "--port"]
        with _running(FLASK, "make_celery", serve, folder, env) as started:
            yield Site(fake=fake, folder=folder, **started)


def ask(visitor: requests.Session, url: str, prompt: str) -> str:
    """Ask for a video as the form of the Django site does; return its id."""
    page = visitor.get(url, timeout=20).text
    fields = dict(re.findall(r'name="(\w+)" value="([^"]+)"', page))
    fields |= {"prompt": prompt, "model": "MiniMax-Hailuo-02"}
    fields |= {"duration": "6", "resolution": "768P"}
    answer = visitor.post(url, fields, timeout=20)
    answer.raise_for_status()
    [id] = re.findall(r"/videos/([^/]+)/", answer.url)
    return str(id)


def ended(visitor: requests.Session, url: str) -> dict[str, Any]:
    """Return the last progress of the job at *url*, once it has ended."""

    def progress() -> dict[str, Any]:
        told: dict[str, Any] = visitor.get(url, timeout=20).json()
        return told if told["state"] in ("SUCCESS", "FAILURE", "REVOKED") else {}

    return wait_for(progress, 60, 0.3, what=f"the end of {url}")


@contextmanager
def _surroundings() -> Iterator[tuple[FakePhanEdge, Path, dict[str, str]]]:
    with ExitStack() as stack:
        made = tempfile.TemporaryDirectory(prefix="phanedge-site-")
        folder = Path(stack.enter_context(made))
        fake = stack.enter_context(FakePhanEdge())
        yield (
            fake,
            folder,
            {
                "FAKE_URL": fake.url,
                "FLASK_SECRET_KEY": "of the tests",
                "PHANEDGE_API_KEY": "",
                "PYTHONPATH": python_path(),
                "PYTHONUNBUFFERED": "1",
                "SITE_DATA": str(folder),
            },
        )


@contextmanager
def _running(
    site: Path,
    app: str,
    serve: list[str],
    folder: Path,
    env: dict[str, str],
    address: str = "",
) -> Iterator[dict[str, Any]]:
    """Run web and worker; the port is the last word of *serve*, after *address*."""
    port = free_port()
    work = ["-m", "celery", "-A", app, "worker", "-Q", "phanedge", "-c", "2"]
    worker = _child([*work, "-l", "INFO"], env, folder / "worker.log", site)
    web = _child([*serve, f"{address}{port}"], env, folder / "web.log", site)
    with ExitStack() as stack:
        for child in (worker, web):
            stack.callback(child.kill)  # nobody waits for what it would finish
            child.start()
        worker.wait_for_log(" ready.", 60)
        wait_for(lambda: answers(port), 60, what=web.log)
        yield {"url": f"http://127.0.0.1:{port}", "worker": worker, "web": web}


def _child(
    command: list[str], env: dict[str, str], log: Path, site: Path = DJANGO
) -> Child:
    return Child([sys.executable, *command], log, env=env, cwd=site)


def _finished(command: list[str], env: dict[str, str], log: Path) -> None:
    child = _child(command, env, log)
    child.start()
    code = child.wait(60)
    assert code == 0, child.log()
