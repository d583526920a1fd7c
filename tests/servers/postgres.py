"""A real PostgreSQL, which refuses root and so gets another user there."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import uuid4

from tests.processes import Child
from tests.servers.server import LOOPBACK, Server

INITDB = ("-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")


class PostgresServer(Server):
    """PostgreSQL, which refuses root and so gets a user of its own there."""

    name = "postgres"
    install = "apt-get install postgresql   (or: pip install pgserver)"
    ready = "database system is ready to accept connections"
    driver = "postgresql+psycopg"
    # A fast shutdown; SIGTERM would wait for every client to leave.
    stop_signal = signal.SIGINT

    def find(self) -> Path:
        self.user = "postgres" if os.getuid() == 0 else None
        for candidate in self._candidates():
            if (candidate.with_name("initdb")).exists():
                return candidate
        raise self.missing()

    def _candidates(self) -> Iterator[Path]:
        versions = Path("/usr/lib/postgresql").glob("*/bin/postgres")
        yield from sorted(versions, reverse=True)
        if found := shutil.which("postgres"):
            yield Path(found).resolve()
        if spec := importlib.util.find_spec("pgserver"):
            yield Path(spec.origin or "").with_name("pginstall") / "bin" / "postgres"

    def prepare(self) -> None:
        if self.user:
            shutil.chown(self.folder, self.user)
        made = Child(
            [self.program.with_name("initdb"), "-D", self.folder / "data", *INITDB],
            self.folder.with_suffix(".initdb"),
            cwd=self.folder,
            user=self.user,
        )
        made.start()
        code = made.wait(60)
        assert code == 0, made.log()
        made.log_file.unlink()

    def command(self) -> Sequence[str | Path]:
        data = str(self.folder / "data")
        where = ["-D", data, "-p", str(self.port), "-h", LOOPBACK]
        settings = ["fsync=off", f"unix_socket_directories={self.folder}"]
        options = [part for setting in settings for part in ("-c", setting)]
        return [self.program, *where, *options]

    def url(self, database: str = "postgres") -> str:
        return f"{self.driver}://postgres@{LOOPBACK}:{self.port}/{database}"

    def fresh_url(self) -> str:
        """Return a new, empty database of this server, as a URL."""
        import psycopg

        name = f"d{uuid4().hex[:8]}"
        address = f"host={LOOPBACK} port={self.port} user=postgres dbname=postgres"
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.url(name)
