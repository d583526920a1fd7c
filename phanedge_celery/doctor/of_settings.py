"""Hazards in our own settings."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from ..settings.values import is_loopback
from .finding import Finding, found
from .snapshot import Snapshot


def settings_that_cannot_work(s: Snapshot) -> Iterator[Finding]:
    for mistake in s.mistakes:
        what, _, setting = mistake.partition(" Set ")
        yield found(
            "E001",
            what=f"{what.rstrip('.')}.",
            why="A worker stops on it at start, and nothing can be enqueued.",
            setting=setting or what.partition(":")[0],
        )


def no_api_key(s: Snapshot) -> Iterator[Finding]:
    if s.missing_key:
        yield found(
            "W002",
            what="There is no API key.",
            why=(
                "Where tasks run, they wait five minutes for one and then fail. A"
                " process that only enqueues needs none."
            ),
            setting=s.missing_key.partition(" Set ")[2],
        )


def plain_http(s: Snapshot) -> Iterator[Finding]:
    url = urlsplit(s.settings.base_url)
    if url.scheme == "http" and not is_loopback(url.hostname or ""):
        yield found(
            "W003",
            what=f"phanedge_base_url is plain http to {url.hostname}.",
            why="Whoever is on the way there can read the API key.",
            setting=s.setting("phanedge_base_url", f'"https://{url.netloc}"'),
        )


def unread_settings(s: Snapshot) -> Iterator[Finding]:
    for name, meant in s.unread.items():
        yield found(
            "W004",
            what=f"{name} is not read.",
            why="Celery looks for the key under another name.",
            setting=s.setting(meant, "…"),
        )
