"""The core of the tests on other versions: `make matrix`, or one of them:

make matrix ARGS="-s core -p 3.11 -t celery-5.5"
make matrix ARGS="-s django -p 3.12 -t django-6.0"
make matrix ARGS="-s core -p 3.10 -t celery-5.6 -- -k chord"
make matrix ARGS="-s core -p 3.13 -t celery-5.7 -- tests/worker"
"""

from __future__ import annotations

import os
from pathlib import Path

import nox

nox.needs_version = ">=2025.2"
nox.options.default_venv_backend = "uv|virtualenv"

PYTHONS = ["3.10", "3.11", "3.12", "3.13"]
CELERYS = {
    "5.5": ["celery==5.5.3", "kombu==5.5.4", "redis==5.2.1"],
    "5.6": ["celery==5.6.3", "kombu==5.6.2", "redis==7.1.0"],
    "5.7": ["celery==5.7.0", "kombu==5.7.0", "redis==8.1.0"],
}
DJANGOS = {"5.2": PYTHONS, "6.0": ["3.12", "3.13"]}

CORE = [
    "tests/unit",
    "tests/worker",
    *(
        f"tests/services/test_{name}.py"
        for name in ("journey", "canvas", "keys", "cancel", "kills", "watch")
    ),
]
ANYWHERE = "tests/unit/test_compose.py"
"""Of no interest to a version: what it checks is no Python."""


def tests(session: nox.Session, *pins: str) -> None:
    project = nox.project.load_toml("pyproject.toml")
    wanted = nox.project.dependency_groups(project, "test")
    session.install("-e", ".[all]", *wanted, *pins)


def run(session: nox.Session, *paths: str) -> None:
    jobs = os.environ.get("JOBS", "3")
    split = ["-n", jobs, "--dist", "loadfile"]
    more = ["--reruns", "2"] if os.environ.get("CI") else []
    # What Celery asks of a newer redis-py is its own affair.
    more += ["-W", "ignore:Call to deprecated:DeprecationWarning"]
    asked = session.posargs
    if any(Path(word.partition("::")[0]).exists() for word in asked):
        paths = ()
    session.run("python", "-m", "pytest", "-q", *split, *more, *paths, *asked)


@nox.session(python=PYTHONS)
@nox.parametrize(
    "celery",
    [nox.param(name, id=name, tags=[f"celery-{name}"]) for name in CELERYS],
)
def core(session: nox.Session, celery: str) -> None:
    """Units, workers, journeys, canvases, keys, cancels, kills and the watch."""
    tests(session, *CELERYS[celery])
    run(session, *CORE, f"--ignore={ANYWHERE}")


@nox.session
@nox.parametrize(
    ("python", "django"),
    [
        nox.param(python, name, id=f"{python}-{name}", tags=[f"django-{name}"])
        for name, pythons in DJANGOS.items()
        for python in pythons
    ],
)
def django(session: nox.Session, django: str) -> None:
    """Views, admin, checks, on-commit and the ticket store, on that Django."""
    tests(session, *CELERYS["5.6"], f"django=={django}.*")
    run(session, "tests/contrib", "tests/services/test_tickets_contract.py")
