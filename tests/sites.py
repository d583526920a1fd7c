"""The example sites as processes: a web server and a worker, against a fake in ours."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from phanedge_celery.testing import FakePhanEdge
from tests.processes import Child, wait_for
from tests.servers import free_port
from tests.servers.server import answers
from tests.workers import ROOT, python_path

DJANGO_SITE: Final = ROOT / "examples" / "django_site"
WORKER: Final = [
    *["-m", "celery", "-A", "project", "worker", "-Q", "phanedge"],
    *["-c", "2", "-l", "INFO"],
]


@dataclass(frozen=True, kw_only=True)
class Site:
    """A running site; its data lie in *folder*."""

    url: str
    fake: FakePhanEdge
    folder: Path
    env: dict[str, str]
    worker: Child
    web: Child

    def manage(self, *command: str) -> str:
        """Run one of Django's commands for this site; return what it prints."""
        return _finished(["manage.py", *command], self.env, self.folder / "manage.log")


@contextmanager
def django_site(**more: str) -> Iterator[Site]:
    """Start the Django site as `make site` does, on SQLite; *more* is environment."""
    with ExitStack() as stack:
        made = tempfile.TemporaryDirectory(prefix="phanedge-site-")
        folder = Path(stack.enter_context(made))
        fake = stack.enter_context(FakePhanEdge())
        env = {
            "FAKE_URL": fake.url,
            "PHANEDGE_API_KEY": "",
            "PYTHONPATH": python_path(),
            "PYTHONUNBUFFERED": "1",
            "SITE_DATA": str(folder),
            **more,
        }
        _finished(["manage.py", "migrate", "-v", "0"], env, folder / "migrate.log")
        port = free_port()
        serve = ["manage.py", "runserver", "--noreload", f"127.0.0.1:{port}"]
        children = [
            _child(command, env, folder / f"{name}.log")
            for name, command in (("worker", WORKER), ("web", serve))
        ]
        for child in children:
            stack.callback(child.kill)  # nobody waits for what it would finish
            child.start()
        worker, web = children
        worker.wait_for_log(" ready.", 60)
        wait_for(lambda: answers(port), 60, what=web.log)
        yield Site(
            url=f"http://127.0.0.1:{port}",
            fake=fake,
            folder=folder,
            env=env,
            worker=worker,
            web=web,
        )


def _child(command: list[str], env: dict[str, str], log: Path) -> Child:
    return Child([sys.executable, *command], log, env=env, cwd=DJANGO_SITE)


def _finished(command: list[str], env: dict[str, str], log: Path) -> str:
    child = _child(command, env, log)
    child.start()
    code = child.wait(60)
    assert code == 0, child.log()
    return child.log()
