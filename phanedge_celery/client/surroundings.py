"""How hosts are reached from here: proxies, and whose certificates are trusted."""

from __future__ import annotations

import ssl
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from requests import Session
from requests.adapters import HTTPAdapter
from requests.exceptions import InvalidSchema
from requests.utils import DEFAULT_CA_BUNDLE_PATH, select_proxy
from urllib3 import PoolManager
from urllib3.exceptions import HTTPError

from ..answers import is_loopback
from ..errors import ConfigurationError


class Surroundings:
    """What the environment says, read the way `requests` reads it.

    ``HTTPS_PROXY``, ``NO_PROXY`` and kin, SOCKS included with ``requests[socks]``;
    ``REQUESTS_CA_BUNDLE`` or ``CURL_CA_BUNDLE``. No netrc, no cookies.
    """

    def proxy_for(self, url: str) -> str | None:
        """Return the proxy through which *url* is reached, None for directly.

        This machine is always reached directly: a proxy would look for itself.
        """
        if is_loopback(urlsplit(url).hostname or ""):
            return None
        proxies = Session().merge_environment_settings(url, {}, None, None, None)
        return select_proxy(url, proxies["proxies"])

    def manager(self, url: str, *, size: int = 1) -> PoolManager:
        """Return pools, of *size* kept connections each, for *url* and its kin.

        Raises `ConfigurationError` for a proxy or a bundle that cannot be used.
        """
        proxy = self.proxy_for(url)
        tls = self.tls if proxy or url.startswith("https") else None
        if proxy is None:
            return PoolManager(num_pools=4, maxsize=size, ssl_context=tls)
        try:
            adapter = HTTPAdapter(4, size)
            manager: PoolManager = adapter.proxy_manager_for(proxy, ssl_context=tls)
        except (HTTPError, InvalidSchema, ValueError) as error:
            raise ConfigurationError(
                f"The proxy that the environment names cannot be used: {error}"
            ) from error
        return manager

    @cached_property
    def tls(self) -> ssl.SSLContext:
        """Read once, since it takes milliseconds."""
        asked = Session().merge_environment_settings("", {}, None, None, None)
        named = asked["verify"]
        bundle = Path(named if isinstance(named, str) else DEFAULT_CA_BUNDLE_PATH)
        try:
            if bundle.is_dir():
                return ssl.create_default_context(capath=bundle)
            return ssl.create_default_context(cafile=bundle)
        except OSError as error:
            raise ConfigurationError(
                f"The certificates in {bundle} cannot be read ({error}). Set"
                " REQUESTS_CA_BUNDLE to a file of certificates, or unset it."
            ) from error
