"""How the URL of a ticket store in a database becomes an engine with our tables."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import create_engine, event, inspect
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, SQLAlchemyError

from ...errors import ConfigurationError
from ..store import TicketStoreUnavailable
from .tables import metadata

_LIBPQ: Final = {
    "connect_timeout": 3,
    "keepalives_idle": 30,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 5000,
}
_MYSQL: Final = {"connect_timeout": 3, "read_timeout": 5, "write_timeout": 5}
PATIENCE: Final[dict[str, dict[str, Any]]] = {
    "psycopg": _LIBPQ,
    "psycopg2": _LIBPQ,
    "pymysql": _MYSQL,
    "mysqldb": _MYSQL,
    "pysqlite": {"timeout": 5},
}
"""By driver: seconds after which a database that does not answer is away."""


def make_engine(address: str) -> Engine:
    """Return an engine that has asked nothing yet. Raises `ConfigurationError`."""
    try:
        url = make_url(address)
        _refuse_private(url)
        # Each operation is one statement; a transaction would only add round trips.
        engine = create_engine(
            url,
            future=True,
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,
            pool_pre_ping=True,
            connect_args=PATIENCE.get(url.get_dialect().driver, {}),
        )
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"phanedge_tickets: this database needs the driver {error.name!r}; install "
            "it, or name another one as in postgresql+psycopg://"
        ) from error
    except (ArgumentError, SQLAlchemyError) as error:
        raise ConfigurationError(f"phanedge_tickets: {error}") from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _share_file)
    return engine


def make_tables(engine: Engine) -> None:
    """Make our tables unless they are there; others may do so at the same time."""
    for table in metadata.sorted_tables:
        if inspect(engine).has_table(table.name):
            continue
        try:
            table.create(engine)
        except DBAPIError:
            if not inspect(engine).has_table(table.name):
                raise


@contextlib.contextmanager
def reachable() -> Iterator[None]:
    """Translate what a database raises while it cannot serve."""
    try:
        yield
    except DataError:
        raise
    except SQLAlchemyError as error:
        told = getattr(error, "orig", None) or error
        raise TicketStoreUnavailable(f"database: {_first_line(told)}") from error


def _first_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"


def _refuse_private(url: URL) -> None:
    if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        raise ConfigurationError(
            "phanedge_tickets: a SQLite database in memory is another one in each "
            "process; name a file, as in sqlite:///tickets.db"
        )


def _share_file(connection: Any, _: Any) -> None:
    """Let readers and one writer work at once, which outlasts this connection."""
    # Refused while another process holds the file, which will then have asked itself.
    with contextlib.suppress(connection.OperationalError):
        connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
