"""A real RabbitMQ node with an epmd of its own, as any user."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from tests.processes import Child, wait_for
from tests.servers.server import LOOPBACK, Server, answers, free_port


class Queue(NamedTuple):
    """How many messages wait in a queue, and how many a worker holds."""

    ready: int
    unacked: int


class RabbitServer(Server):
    """RabbitMQ with an epmd of its own, as any user."""

    name = "rabbitmq"
    install = "apt-get install rabbitmq-server"
    ready = "completed with"
    # Debian's wrapper on PATH refuses other users, and as root drops to `rabbitmq`.
    real_scripts = Path("/usr/lib/rabbitmq/bin")

    def find(self) -> Path:
        script = self.real_scripts / "rabbitmq-server"
        if script.exists():
            return script
        if found := shutil.which("rabbitmq-server"):
            return Path(found)
        raise self.missing()

    def prepare(self) -> None:
        self.epmd_port, self._distribution_port = free_port(), free_port()
        listener = f"listeners.tcp.1 = {LOOPBACK}:{self.port}\n"
        (self.folder / "rabbitmq.conf").write_text(listener)
        epmd = shutil.which("epmd") or "epmd"
        self.epmd = Child(
            [epmd, "-port", str(self.epmd_port), "-address", LOOPBACK],
            self.folder / "epmd.log",
        )

    def command(self) -> Sequence[str | Path]:
        return [self.program]

    def environment(self) -> dict[str, str]:
        return {
            "HOME": str(self.folder),
            "RABBITMQ_NODENAME": f"t{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": LOOPBACK,
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            "ERL_EPMD_PORT": str(self.epmd_port),
            "ERL_EPMD_ADDRESS": LOOPBACK,
        }

    def start(self) -> None:
        if not self.epmd.running:
            self.epmd.start()
            wait_for(lambda: answers(self.epmd_port), what="epmd answers")
        super().start()

    def close(self) -> None:
        self.stop()
        self.epmd.stop()
        super().close()

    def url(self, vhost: str = "/") -> str:
        return f"amqp://guest:guest@{LOOPBACK}:{self.port}/{vhost}"

    def fresh_url(self) -> str:
        """Return a new virtual host of this server, as a URL."""
        vhost = f"v{uuid4().hex[:8]}"
        self.ctl("add_vhost", vhost)
        self.ctl("set_permissions", "-p", vhost, "guest", ".*", ".*", ".*")
        return self.url(vhost)

    def queues(self, vhost: str = "/") -> dict[str, Queue]:
        """Return what is in each queue, as the broker itself sees it."""
        names = ["name", "messages_ready", "messages_unacknowledged"]
        listed = self.ctl("list_queues", "-p", vhost, "--no-table-headers", *names)
        rows = (line.split("\t") for line in listed.splitlines())
        return {name: Queue(int(ready), int(held)) for name, ready, held in rows}

    def ctl(self, *command: str) -> str:
        """Run one `rabbitmqctl` command against this node; return what it prints."""
        node = self.environment()["RABBITMQ_NODENAME"]
        done = subprocess.run(
            [self.program.with_name("rabbitmqctl"), "-q", "-n", node, *command],
            env={**os.environ, **self.environment()},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr or done.stdout
        return done.stdout
