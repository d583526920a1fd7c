"""The tables of the SQL store, in types that every database has."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    select,
)
from sqlalchemy.dialects import mysql

from ..rows import FIELDS
from ..ticket import FORMAT

metadata: Final = MetaData()

_seconds: Final = Float(53)
# MySQL folds case in a VARCHAR, and its TEXT ends at 64 kB: a frame may be a data URL.
_exact = mysql.VARCHAR(255, charset="utf8mb4", collation="utf8mb4_bin")
_long = mysql.LONGTEXT(charset="utf8mb4")
_name: Final = String(255).with_variant(_exact, "mysql").with_variant(_exact, "mariadb")
_text: Final = Text().with_variant(_long, "mysql").with_variant(_long, "mariadb")

tickets: Final = Table(
    "phanedge_tickets",
    metadata,
    Column("id", _name, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("stage", String(20), nullable=False),
    Column("key", _text),
    Column("request_sha256", String(64)),
    Column("model", _text),
    Column("resolution", _text),
    Column("job_id", _text),
    Column("platform_id", _text),
    Column("file_id", _text),
    Column("save_to", _text),
    Column("max_wait", _seconds),
    Column("retrieve", Boolean, nullable=False),
    Column("status", _text),
    Column("history", _text),
    Column("polls", Integer, nullable=False),
    Column("errors", _text),
    Column("error", _text),
    Column("video", _text),
    Column("since", _seconds, nullable=False),
    Column("submitted_at", _seconds),
    Column("ended_at", _seconds),
    Column("deadline", _seconds),
    Column("next_at", _seconds),
    Column("resends", Integer, nullable=False),
    Column("message", _text),
    Column("format", Integer, nullable=False),
    Index("phanedge_tickets_next_at", "next_at"),
    Index("phanedge_tickets_since", "since"),
)

known: Final = [tickets.c[name] for name in FIELDS]
everything: Final = select(*known)
readable: Final = tickets.c.format <= FORMAT
"""What no newer version has written."""

leases: Final = Table(
    "phanedge_leases",
    metadata,
    Column("name", _name, primary_key=True),
    Column("owner", _text, nullable=False),
    Column("token", BigInteger, nullable=False),
    Column("until", _seconds, nullable=False),
)

kinds: Final = Table(
    "phanedge_kinds",
    metadata,
    Column("kind", _name, primary_key=True),
    Column("took", _text, nullable=False),
)
