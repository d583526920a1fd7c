"""The way to a file: from hop to hop, through no one else's door."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, urljoin, urlsplit

from urllib3 import BaseHTTPResponse, PoolManager, Timeout

from ..answers import is_loopback, web_url
from ..models import FileRecord
from .hosts import PrivateHost, is_private_literal, public_addresses
from .line import AGENT, BROKEN, NO_RETRY, is_forwarding
from .sockets import NotConnected, hurried
from .streams import Stream, Wanted, begin
from .surroundings import Surroundings

if TYPE_CHECKING:
    from ..settings import Settings

MAX_HOPS: Final = 5


class Downloads:
    """Opens files (contract, 4.2).

    Every hop is https, or plain to loopback, and its host must be public; behind a
    proxy of the environment the proxy decides what a name means. The service's own
    origin, and other ports of a loopback host that it runs on, are always allowed.
    """

    def __init__(
        self,
        settings: Settings,
        surroundings: Surroundings,
        *,
        resolve: Callable[[str, int], list[str]] = public_addresses,
    ) -> None:
        self._surroundings = surroundings
        self._resolve = resolve
        self._home = urlsplit(settings.base_url)
        self._plain_hosts = plain_hosts(settings.base_url)
        self._connect, self._read = settings.timeout
        self._max_bytes = settings.max_bytes
        self._anywhere = settings.allow_private_hosts

    @contextmanager
    def open(self, wanted: Wanted) -> Iterator[Stream]:
        with ExitStack() as stack:
            found = self._begin(wanted, stack)
            while isinstance(found, FileRecord):
                url = found.download_url or ""
                direct = replace(wanted, url=url, authorization=None)
                found = self._begin(direct, stack)
            yield found

    def _begin(self, wanted: Wanted, stack: ExitStack) -> Stream | FileRecord:
        until = time.monotonic() + wanted.within
        try:
            response = self._follow(wanted, until, stack)
        except NotConnected as error:
            message = f"The file host could not be reached: {error}"
            raise wanted.stop("retry", message, None) from error
        except PrivateHost as error:
            message = (
                f"The file lies on {error}, a private host;"
                " phanedge_allow_private_hosts = True allows that"
            )
            raise wanted.stop("private_host", message) from error
        except BROKEN as error:
            raise wanted.broke_off(error) from error
        return begin(response, wanted, self._max_bytes)

    def _follow(
        self, wanted: Wanted, until: float, stack: ExitStack
    ) -> BaseHTTPResponse:
        target: str | None = wanted.url
        for _ in range(MAX_HOPS + 1):
            url = web_url(target, self._plain_hosts)
            if url is None:
                raise wanted.stop("refused", "The download URL is no http(s) URL")
            response = self._ask(urlsplit(url), wanted, until, stack)
            location = response.get_redirect_location()
            if not location:
                return response
            target = _joined(url, location)
        raise wanted.stop("refused", "The file host redirects without end")

    def _ask(
        self, url: SplitResult, wanted: Wanted, until: float, stack: ExitStack
    ) -> BaseHTTPResponse:
        within = max(until - time.monotonic(), 0.1)
        manager = self._surroundings.manager(url.geturl())
        hurried(manager, patience=self._read, within=within)
        stack.callback(manager.clear)
        response = self._send(manager, url, self._headers(url, wanted))
        stack.callback(response.close)
        return response

    def _send(
        self, manager: PoolManager, url: SplitResult, headers: dict[str, str]
    ) -> BaseHTTPResponse:
        host = url.hostname or ""
        broken = NotConnected("it has no address")
        for address in self._addresses(url, host):
            answer = self._get(manager, url, address, headers)
            if not isinstance(answer, NotConnected):
                return answer
            broken = answer
        raise broken

    def _addresses(self, url: SplitResult, host: str) -> list[str]:
        if self._is_welcome(url):
            return [host]
        if is_private_literal(host):
            raise PrivateHost(host)
        if self._surroundings.proxy_for(url.geturl()):
            return [host]
        return self._resolve(host, _port(url))

    def _is_welcome(self, url: SplitResult) -> bool:
        local = is_loopback(url.hostname or "") and url.hostname == self._home.hostname
        return self._anywhere or local or self._is_home(url)

    def _is_home(self, url: SplitResult) -> bool:
        return _origin(url) == _origin(self._home)

    def _get(
        self,
        manager: PoolManager,
        url: SplitResult,
        address: str,
        headers: dict[str, str],
    ) -> BaseHTTPResponse | NotConnected:
        """Ask *address* for a URL whose host it is, by name and by certificate."""
        named = {"server_hostname": url.hostname} if url.scheme == "https" else {}
        pool = manager.connection_from_host(
            address, _port(url), url.scheme, pool_kwargs=named
        )
        path = url._replace(scheme="", netloc="", path=url.path or "/").geturl()
        try:
            return pool.urlopen(
                "GET",
                url.geturl() if is_forwarding(pool, url.geturl()) else path,
                headers=headers,
                retries=NO_RETRY,
                redirect=False,
                assert_same_host=False,
                timeout=Timeout(connect=self._connect, read=self._read),
                preload_content=False,
                decode_content=False,
            )
        except NotConnected as error:
            return error

    def _headers(self, url: SplitResult, wanted: Wanted) -> dict[str, str]:
        headers = {"Host": url.netloc, "Accept-Encoding": "identity"} | AGENT
        if wanted.start:
            headers["Range"] = f"bytes={wanted.start}-"
            headers |= {"If-Range": wanted.etag} if wanted.etag else {}
        if wanted.authorization and self._is_home(url):
            headers["Authorization"] = wanted.authorization
        return headers


def plain_hosts(base_url: str) -> tuple[str, ...]:
    """Return the host whose URLs may stay plain http: that of a plain base URL."""
    base = urlsplit(base_url)
    return (base.hostname,) if base.scheme == "http" and base.hostname else ()


def _joined(url: str, location: str) -> str | None:
    try:
        return urljoin(url, location)
    except ValueError:
        return None


def _origin(url: SplitResult) -> tuple[str, str | None, int]:
    return url.scheme, url.hostname, _port(url)


def _port(url: SplitResult) -> int:
    return url.port or (443 if url.scheme == "https" else 80)
