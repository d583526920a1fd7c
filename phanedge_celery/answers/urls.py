"""The download URL, which comes in several shapes."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from urllib.parse import SplitResult, quote, urlsplit, urlunsplit

LONGEST = 8192

_BARE = re.compile(r"(?i)[a-z0-9-]+(?:\.[a-z0-9-]+)+(?::\d+)?(?:[/?#].*)?")
_SAFE = "!$%&'()*+,/:;=?@[]~"
_UNFIT = re.compile('[\x00-\x20\x7f-\x9f\\\\<>"^`{|}\ud800-\udfff]')


def web_url(value: object, plain_hosts: Collection[str] = ()) -> str | None:
    """Return a URL as it may be asked for, None when it is none.

    It begins with ``https://`` whatever the service sent, since some regions block
    plain http; only loopback hosts and *plain_hosts* keep theirs (contract, 4.2).
    """
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST:
        return None
    text = value.strip()
    if _UNFIT.search(text):
        return None
    parts = _split(_with_scheme(text))
    return urlunsplit(_secured(parts, plain_hosts)) if parts else None


def is_loopback(host: str) -> bool:
    """Does this name or address always mean the machine that we run on?"""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _with_scheme(text: str) -> str:
    if text.startswith("//"):
        return f"https:{text}"
    return f"https://{text}" if _BARE.fullmatch(text) else text


def _split(text: str) -> SplitResult | None:
    """Return an http(s) URL in ASCII, as it goes onto the wire."""
    try:
        parts = urlsplit(text)
        netloc = parts.netloc.encode("idna").decode()
        host, _ = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host or "@" in netloc:
        return None
    path, query = (quote(part, safe=_SAFE) for part in (parts.path, parts.query))
    return SplitResult(parts.scheme, netloc, path, query, "")


def _secured(parts: SplitResult, plain_hosts: Collection[str]) -> SplitResult:
    host = parts.hostname or ""
    if parts.scheme == "https" or is_loopback(host) or host in plain_hosts:
        return parts
    return parts._replace(scheme="https", netloc=parts.netloc.removesuffix(":80"))
