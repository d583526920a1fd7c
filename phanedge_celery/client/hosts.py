"""Which addresses a download may go to: none that only we could reach."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from typing import Final

from .sockets import NotConnected

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_METADATA: Final = ipaddress.ip_address("168.63.129.16")
"""Azure's, the one that is not in a private range."""

_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")


class PrivateHost(Exception):
    """The host is, or resolves to, an address of a private network."""


def public_addresses(host: str, port: int) -> list[str]:
    """Return the addresses of *host*, to be connected to as they are.

    A name could mean another address when it is looked up a second time. Raises
    `PrivateHost` if any address is private, `NotConnected` if there is none.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NotConnected(f"{host} is not known: {error}") from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not all(map(is_public, addresses)):
        raise PrivateHost(host)
    return addresses


def is_public(address: str) -> bool:
    """Does the whole internet mean the same host by this address?"""
    try:
        outer = ipaddress.ip_address(address)
    except ValueError:
        return False
    return all(
        each.is_global and not each.is_multicast and each != _METADATA
        for each in _meant(outer)
    )


def is_private_literal(host: str) -> bool:
    """Is *host* a private address, or a name that always means this machine?"""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return not is_public(host)


def _meant(address: Address) -> Iterator[Address]:
    """Yield the address, or the one that is wrapped in it."""
    if isinstance(address, ipaddress.IPv4Address):
        yield address
        return
    inner = address.ipv4_mapped or address.sixtofour
    if address.teredo:
        inner = address.teredo[1]
    if address in _NAT64:
        inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    yield inner or address
