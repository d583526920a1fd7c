"""The services of docker-compose.yml, by their own commands, without containers."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from tests.processes import Child, wait_for
from tests.servers import RabbitServer, RedisServer, free_port
from tests.sites import ask, ended

pytestmark = pytest.mark.timeout(300)
ROOT = Path(__file__).parents[2]
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(
    (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
)["services"]
EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")
PROMPT = "A cat surfs. {fake: Queueing, Success}"
AMQP = "amqp://phanedge:phanedge@rabbitmq:5672//"
LISTENERS = {"redis": 6379, "fake-api": 8900, "web": 8000, "flask": 8001}
LISTENERS["flower"] = 5555
WORKERS = ("worker", "flask-worker")


class Machine:
    """What is said inside the containers, as it holds on this machine."""

    def __init__(self, folder: Path, program: Path, env: Mapping[str, str]) -> None:
        self.folder, self.env = folder, env
        self.ports = {name: free_port() for name in LISTENERS}
        self.words = {
            "redis-server": str(program),
            "redis://redis:": "redis://127.0.0.1:",
            "http://fake-api:": "http://127.0.0.1:",
            "0.0.0.0": "127.0.0.1",
            "$$HOSTNAME": socket.gethostname(),
            **{str(LISTENERS[name]): str(port) for name, port in self.ports.items()},
        }

    def url(self, service: str, path: str = "/") -> str:
        return f"http://127.0.0.1:{self.ports[service]}{path}"

    def said(self, text: str) -> str:
        """Return *text* with its variables, hosts and ports."""

        def variable(found: re.Match[str]) -> str:
            return self.env.get(found[1]) or found[2]

        text = re.sub(r"(?<!\$)\$\{(\w+):-([^}]*)\}", variable, str(text))
        inside = "|".join(re.escape(word) for word in self.words)
        return re.sub(inside, lambda found: self.words[found[0]], text)

    def child(self, name: str) -> Child:
        service = SERVICES[name]
        command = [self.said(part) for part in service["command"]]
        if name == "redis":
            command += ["--bind", "127.0.0.1", "--port", str(self.ports["redis"])]
        return Child(
            command,
            self.folder / f"{name}.log",
            env=self.environment(name),
            cwd=self.place(name),
        )

    def place(self, name: str) -> Path:
        """Return the working folder; the image has the examples under /app."""
        inside = SERVICES[name].get("working_dir", "/app/examples")
        return (
            self.folder if name == "redis" else ROOT / Path(inside).relative_to("/app")
        )

    def environment(self, name: str) -> dict[str, str]:
        given = SERVICES[name].get("environment", {})
        told = {key: self.said(value) for key, value in given.items()}
        if "SITE_DATA" in told:
            [volume] = SERVICES[name]["volumes"]
            told["SITE_DATA"] = str(self.folder / volume.removesuffix(":/data"))
        here = str(Path(sys.executable).parent)
        told["PATH"] = os.pathsep.join([here, os.environ["PATH"]])
        told["PYTHONPATH"] = str(ROOT)
        return told

    def healthy(self, name: str) -> bool:
        """Ask as the healthcheck does; Redis brings a program of its own for it."""
        kind, *test = SERVICES[name]["healthcheck"]["test"]
        test = [self.said(part) for part in test]
        ran = subprocess.run(
            ["sh", "-c", *test] if kind == "CMD-SHELL" else test,
            env={**os.environ, **self.environment(name)},
            cwd=self.place(name),
            capture_output=True,
            timeout=60,
        )
        return ran.returncode == 0

    def await_health(self, name: str, child: Child) -> None:
        """Wait until the service is well; asking a worker too early costs seconds."""
        if name == "redis":
            child.wait_for_log("Ready to accept")
            return
        if "worker" in name:
            child.wait_for_log(" ready.", 60)

        def well_or_gone() -> bool:
            return self.healthy(name) or not child.running

        wait_for(well_or_gone, 60, 0.3, what=child.log)
        assert child.running, child.log()


@contextmanager
def up(machine: Machine, *names: str) -> Iterator[dict[str, Child]]:
    """Start the services, each once those that it waits for are well."""
    started: dict[str, Child] = {}

    def start(name: str) -> None:
        if name in started or name not in (*LISTENERS, *WORKERS):
            return
        for other in SERVICES[name].get("depends_on", ()):
            start(other)
        started[name] = child = machine.child(name)
        ending.callback(child.kill)
        child.start()
        machine.await_health(name, child)

    with ExitStack() as ending:
        for name in names:
            start(name)
        yield started


@pytest.fixture(scope="module")
def machine(
    redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Machine:
    return Machine(tmp_path_factory.mktemp("stack"), redis_server.program, {})


@pytest.fixture(scope="module")
def stack(machine: Machine) -> Iterator[dict[str, Child]]:
    """Everything, with every profile that needs no other server."""
    with up(machine, "worker", "flask", "flower") as started:
        yield started


def test_a_video_that_is_asked_for_in_the_django_site_is_made_and_kept_there(
    stack: dict[str, Child], machine: Machine
) -> None:
    with requests.Session() as site:
        id = ask(site, machine.url("web"), PROMPT)
        told = ended(site, machine.url("web", f"/api/videos/{id}/"))
        film = machine.url("web", f"/videos/{id}/file/")
        part = site.get(film, headers={"Range": "bytes=4-7"}, timeout=20)

    assert told["video"]["saved_to"]
    assert (part.status_code, part.content) == (206, b"ftyp")
    assert (machine.folder / "site-data" / "media" / told["video"]["saved_to"]).exists()


def test_a_video_that_is_asked_for_in_the_flask_site_is_made_and_kept_there(
    stack: dict[str, Child], machine: Machine
) -> None:
    wanted = {"model": "MiniMax-Hailuo-02", "prompt": PROMPT}
    with requests.Session() as site:
        url = machine.url("flask", "/api/videos")
        asked = site.post(url, json=wanted, timeout=20).json()
        told = ended(site, machine.url("flask", asked["progress"]))

    assert (
        machine.folder / "flask-data" / "media" / told["video"]["saved_to"]
    ).exists()


def test_flower_tells_of_the_worker_to_whom_it_knows(
    stack: dict[str, Child], machine: Machine
) -> None:
    url = machine.url("flower", "/api/workers?refresh=1")
    known = ("phanedge", "phanedge")

    def workers() -> Any:
        return requests.get(url, auth=known, timeout=20).json()

    wait_for(workers, 30, 0.5)
    [queues] = [worker["active_queues"] for worker in workers().values()]

    assert [queue["name"] for queue in queues] == ["phanedge"]
    assert requests.get(url, timeout=20).status_code == 401


def test_with_the_profile_rabbitmq_the_messages_go_there(
    machine: Machine, rabbitmq_server: RabbitServer, tmp_path: Path
) -> None:
    assert f"CELERY_BROKER_URL={AMQP}" in EXAMPLE
    broker = rabbitmq_server.fresh_url()
    env = {"CELERY_BROKER_URL": broker}
    other = Machine(tmp_path, Path(machine.words["redis-server"]), env)

    with up(other, "worker") as started, requests.Session() as site:
        id = ask(site, other.url("web"), PROMPT)
        ended(site, other.url("web", f"/api/videos/{id}/"))

        assert (
            f"amqp://guest:**@127.0.0.1:{rabbitmq_server.port}"
            in started["worker"].log()
        )
        assert started["worker"].stop() == 0
        assert started["web"].stop() == 0
