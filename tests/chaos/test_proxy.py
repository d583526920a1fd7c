"""A proxy that hurts connections in the ways that a network does."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.chaos.proxy import Proxy
from tests.processes import wait_for
from tests.rawserver import RawServer


def echo(sock: socket.socket) -> None:
    while data := sock.recv(100):
        sock.sendall(data)


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with RawServer(echo) as server, Proxy(server.port) as made:
        yield made


@pytest.fixture
def caller(proxy: Proxy) -> Iterator[socket.socket]:
    with call(proxy) as sock:
        assert said(sock, b"hello") == b"hello"
        yield sock


def call(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=5)


def said(sock: socket.socket, words: bytes) -> bytes:
    sock.sendall(words)
    return sock.recv(100)


def test_what_is_cut_is_reset_and_a_new_call_is_taken(
    proxy: Proxy, caller: socket.socket
) -> None:
    proxy.cut()

    with pytest.raises(ConnectionResetError):
        caller.recv(100)
    with call(proxy) as again:
        assert said(again, b"again") == b"again"


def test_a_pause_loses_nothing(proxy: Proxy, caller: socket.socket) -> None:
    proxy.pause()
    caller.settimeout(0.2)
    with pytest.raises(TimeoutError):
        said(caller, b"wait")

    proxy.resume()
    caller.settimeout(5)

    assert caller.recv(100) == b"wait"


def test_a_half_open_connection_never_answers_and_never_ends(
    proxy: Proxy, caller: socket.socket
) -> None:
    proxy.half_open()
    caller.settimeout(0.2)

    with pytest.raises(TimeoutError):
        said(caller, b"anybody?")
    with call(proxy) as again:
        assert said(again, b"here") == b"here"


def test_nobody_is_there_while_it_is_away(proxy: Proxy, caller: socket.socket) -> None:
    proxy.away()
    with pytest.raises(ConnectionResetError):
        caller.recv(100)
    with pytest.raises(ConnectionRefusedError):
        call(proxy)

    proxy.back()

    with call(proxy) as again:
        assert said(again, b"back") == b"back"


def test_a_connection_that_its_caller_ends_is_forgotten(
    proxy: Proxy, caller: socket.socket
) -> None:
    caller.close()

    wait_for(lambda: proxy.connections == 0)
