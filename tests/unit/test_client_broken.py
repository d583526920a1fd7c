"""What breaks on the way: exactly what was sent, and never longer than allowed."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import trustme
from hypothesis import given
from hypothesis import settings as tries
from hypothesis import strategies as st

from phanedge_celery.answers import Trouble
from phanedge_celery.client import Client
from phanedge_celery.errors import (
    ConfigurationError,
    ServiceUnavailable,
    SubmissionUnknown,
    UnexpectedAnswer,
)
from phanedge_celery.models import JobReport, Submission, VideoRequest
from phanedge_celery.settings import Settings
from phanedge_celery.testing import KEY, FakePhanEdge, Fault
from phanedge_celery.testing.fixtures import fake as fake
from tests.rawserver import RawServer, Treat, ok, refused_port, reset

CAT = VideoRequest(model="MiniMax-Hailuo-2.3", prompt="A cat surfs.")
CREATED = ok(b'{"task_id": "1"}')
RUNNING = ok(b'{"status": "Processing"}')
PATIENCE = 0.4


def client_of(url: str, *, patience: float = 5, **keys: Any) -> Client:
    given = {"api_key": KEY, "base_url": url, "timeout": (patience, patience)}
    return Client(Settings(**given | keys), create_read=patience)


def impatient(url: str) -> Client:
    return client_of(url, patience=PATIENCE)


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls(authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Makes a server's side of TLS for a host name; ours trusts it."""
    with authority.cert_pem.tempfile() as bundle:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", bundle)
        yield lambda host="127.0.0.1": serving(authority, host)


def serving(authority: trustme.CA, host: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host).configure_cert(context)
    return context


def assert_not_made(trouble: object) -> None:
    assert isinstance(trouble, Trouble)
    assert isinstance(trouble.error, ServiceUnavailable)
    assert (trouble.kind, trouble.limit) == ("retry", None)


def assert_ambiguous(trouble: object) -> None:
    assert isinstance(trouble, Trouble)
    assert isinstance(trouble.error, SubmissionUnknown)
    assert trouble.limit == 0


def silence(sock: socket.socket) -> None:
    sock.settimeout(5)
    sock.recv(1 << 20)
    sock.recv(1)


# C1: no connection. The request never leaves, so it may be sent again.


def test_c1_a_refused_connection_made_nothing() -> None:
    assert_not_made(client_of(f"http://127.0.0.1:{refused_port()}").submit(CAT))


def test_c1_an_unknown_name_made_nothing() -> None:
    trouble = client_of("http://nobody.localhost", allow_http=True).submit(CAT)

    assert_not_made(trouble)
    assert isinstance(trouble, Trouble)
    assert "gaierror" in trouble.error.message


def test_c1_a_connection_that_is_never_accepted_made_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(3)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(address)
        begun = time.monotonic()

        assert_not_made(impatient(f"http://127.0.0.1:{address[1]}").submit(CAT))
        assert time.monotonic() - begun < 3 * PATIENCE
        for sock in waiting:
            sock.close()


HANDSHAKES: dict[str, Treat] = {
    "closed": lambda sock: None,
    "reset": reset,
    "silent": silence,
    "not TLS": lambda sock: sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
}


@pytest.mark.parametrize("treat", HANDSHAKES.values(), ids=HANDSHAKES)
def test_c1_a_handshake_that_fails_made_nothing(tls: Any, treat: Treat) -> None:
    with RawServer(treat) as server:
        assert_not_made(impatient(f"https://127.0.0.1:{server.port}").submit(CAT))


def test_c1_a_certificate_of_another_host_made_nothing(tls: Any) -> None:
    with RawServer(tls=tls("example.com")) as server:
        server.treat_by(server.answers(CREATED))
        trouble = client_of(server.url).submit(CAT)

    assert_not_made(trouble)
    assert not server.requests


def test_c1_a_certificate_of_nobody_we_trust_made_nothing(tls: Any) -> None:
    with RawServer(tls=serving(trustme.CA(), "127.0.0.1")) as server:
        server.treat_by(server.answers(CREATED))
        trouble = client_of(server.url).submit(CAT)

    assert_not_made(trouble)
    assert not server.requests


# C2: the request has left, and no complete answer came back. Never sent again.


def after_reading(server: RawServer, *deeds: Callable[[socket.socket], None]) -> Treat:
    def treat(sock: socket.socket) -> None:
        server.heard(sock)
        for deed in deeds:
            deed(sock)

    return treat


def says(data: bytes) -> Callable[[socket.socket], None]:
    return lambda sock: sock.sendall(data)


def drips(data: bytes) -> Callable[[socket.socket], None]:
    def deed(sock: socket.socket) -> None:
        for byte in data:
            sock.sendall(bytes([byte]))
            time.sleep(PATIENCE / 3)

    return deed


HEAD = b"HTTP/1.1 200 OK\r\n"
BREAKS: dict[str, list[Callable[[socket.socket], None]]] = {
    "reset": [reset],
    "closed": [],
    "silence": [silence],
    "half a status line": [says(b"HTTP/1.1 2")],
    "no HTTP": [says(b"\x00\xff" * 100)],
    "half a head": [says(HEAD + b"Content-Le")],
    "no body": [says(HEAD + b"Content-Length: 9\r\n\r\n")],
    "half a body": [says(HEAD + b'Content-Length: 16\r\n\r\n{"task_id"')],
    "half a body, reset": [says(HEAD + b"Content-Length: 16\r\n\r\n{"), reset],
    "half a chunk": [says(HEAD + b"Transfer-Encoding: chunked\r\n\r\n9\r\n{")],
    "a bad chunk": [says(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}")],
    "no last chunk": [
        says(HEAD + b'Transfer-Encoding: chunked\r\n\r\n10\r\n{"task_id": "1"}\r\n')
    ],
    "two lengths": [says(HEAD + b"Content-Length: 1, 2\r\n\r\n{}")],
    "a bad encoding": [
        says(HEAD + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}")
    ],
    "half JSON, then closed": [says(HEAD + b'\r\n{"task_id": "1"')],
    "an endless line": [says(b"HTTP/1.1 200 " + b"x" * 70_000)],
    "a thousand headers": [says(HEAD + b"X: y\r\n" * 1000 + b"\r\n")],
    "a body that drips": [says(HEAD + b"Content-Length: 99\r\n\r\n"), drips(b"{" * 99)],
    "a head that drips": [drips(HEAD + b"X: y\r\n" * 20)],
    "chunks that drip": [
        says(HEAD + b"Transfer-Encoding: chunked\r\n\r\n"),
        drips(b"1;a=b\r\n{\r\n" * 20),
    ],
}


@pytest.mark.parametrize("deeds", BREAKS.values(), ids=BREAKS)
def test_c2_without_a_complete_answer_a_submission_is_unknown(
    deeds: list[Callable[[socket.socket], None]],
) -> None:
    with RawServer() as server:
        server.treat_by(after_reading(server, *deeds))
        begun = time.monotonic()
        trouble = impatient(server.url).submit(CAT)

        assert_ambiguous(trouble)
        assert time.monotonic() - begun < 5 * PATIENCE
        assert (len(server.requests), server.connections) == (1, 1)


@pytest.mark.parametrize("deeds", BREAKS.values(), ids=BREAKS)
def test_p1_p2_without_a_complete_answer_a_query_is_to_be_repeated(
    deeds: list[Callable[[socket.socket], None]],
) -> None:
    with RawServer() as server:
        server.treat_by(after_reading(server, *deeds))
        trouble = impatient(server.url).query("12")

        assert isinstance(trouble, Trouble)
        assert isinstance(trouble.error, ServiceUnavailable | UnexpectedAnswer)
        assert (trouble.kind, trouble.limit) == ("retry", None)
        assert trouble.error.job_id == "12"
        assert (len(server.requests), server.connections) == (1, 1)


def test_c2_holds_after_a_handshake_too(tls: Any) -> None:
    with RawServer(tls=tls()) as server:
        server.treat_by(after_reading(server, reset))

        assert_ambiguous(client_of(server.url).submit(CAT))
        assert len(server.requests) == 1


def test_c2_a_request_that_is_not_even_read_may_have_been() -> None:
    frame = "data:image/png;base64," + "A" * 8_000_000
    with RawServer(silence) as server:
        wire = {**CAT.wire(), "first_frame_image": frame}

        assert_ambiguous(impatient(server.url).submit(wire))
        assert server.connections == 1


def test_an_answer_before_the_end_of_the_request_counts() -> None:
    frame = "data:image/png;base64," + "A" * 8_000_000
    refusal = b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"

    def treat(sock: socket.socket) -> None:
        sock.recv(1000)
        sock.sendall(refusal)
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(1 << 20):
            pass

    with RawServer(treat) as server:
        trouble = client_of(server.url).submit({**CAT.wire(), "frame": frame})

    assert isinstance(trouble, Trouble)
    assert trouble.error.http_status == 413


@pytest.mark.parametrize("hang_up", ["reset", "close", "unread"])
def test_a_lost_answer_is_one_post_and_one_job_at_most(
    fake: FakePhanEdge, hang_up: str
) -> None:
    fake.fault(Fault(accepts=hang_up != "unread", hang_up=hang_up), on="create")

    assert_ambiguous(client_of(fake.url).submit(CAT))
    assert len(fake.posts) == 1


def test_a_connection_that_died_while_idle_never_touches_a_submission() -> None:
    with RawServer() as server:
        server.treat_by(server.answers(RUNNING), server.answers(CREATED))
        client = client_of(server.url)
        assert isinstance(client.query("1"), JobReport)

        assert client.submit(CAT) == Submission(job_id="1")
        assert len(server.requests) == 2


def dies_after_one(server: RawServer) -> Treat:
    """Answer once; end the connection when the next request has been read."""

    def treat(sock: socket.socket) -> None:
        server.heard(sock)
        sock.sendall(RUNNING)
        server.heard(sock)
        reset(sock)

    return treat


def test_a_query_on_a_connection_that_died_is_asked_once_more() -> None:
    with RawServer() as server:
        server.treat_by(dies_after_one(server))
        client = client_of(server.url)

        assert isinstance(client.query("1"), JobReport)
        assert isinstance(client.query("1"), JobReport)
        assert (len(server.requests), server.connections) == (3, 2)


def test_a_query_on_a_new_connection_is_asked_once() -> None:
    with RawServer() as server:
        server.treat_by(after_reading(server, reset))

        assert_not_made(client_of(server.url).query("1"))
        assert server.connections == 1


def test_the_reason_is_told_without_addresses_of_objects() -> None:
    trouble = client_of(f"http://127.0.0.1:{refused_port()}").query("1")

    assert isinstance(trouble, Trouble)
    assert trouble.error.message == (
        "The service is away: ConnectionRefusedError: [Errno 111] Connection refused"
    )


@tries(max_examples=60)
@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_for_an_answer_are_an_answer_of_ours(data: bytes, http: bool) -> None:
    with RawServer() as server:
        server.treat_by(after_reading(server, says(HEAD + data if http else data)))
        client = impatient(server.url)

        created, queried = client.submit(CAT), client.query("1")

        assert isinstance(created, Trouble | Submission)
        assert isinstance(queried, Trouble | JobReport)
        assert server.connections == 2


# Proxies of the environment.

SERVICE = "service.example"


def tunnel(server: RawServer, context: ssl.SSLContext, reply: bytes) -> Treat:
    """Say yes to CONNECT, then be the host that was asked for."""

    def treat(sock: socket.socket) -> None:
        server.heard(sock)
        sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with context.wrap_socket(sock, server_side=True) as inner:
            server.heard(inner)
            inner.sendall(reply)

    return treat


def test_a_service_behind_a_proxy_is_reached_by_its_own_certificate(
    tls: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RawServer() as proxy:
        proxy.treat_by(tunnel(proxy, tls(SERVICE), CREATED))
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:secret@127.0.0.1:{proxy.port}")

        submission = client_of(f"https://{SERVICE}").submit(CAT)

        assert submission == Submission(job_id="1")
        connect, post = proxy.requests
        assert connect.startswith(b"CONNECT service.example:443 HTTP/1")
        assert b"Proxy-Authorization: Basic bWU6c2VjcmV0" in connect
        assert KEY.encode() not in connect
        assert post.startswith(b"POST /minimaxi/v1/video_generation HTTP/1.1")
        assert b"roxy-Auth" not in post


PROXIES: dict[str, bytes] = {
    "407": b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n",
    "503": b"HTTP/1.1 503 No\r\n\r\n",
    "no HTTP": b"\x00\x01\x02",
    "closed": b"",
    "no TLS behind it": b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
}


@pytest.mark.parametrize("reply", PROXIES.values(), ids=PROXIES)
def test_c1_a_proxy_that_opens_no_tunnel_made_nothing(
    reply: bytes, tls: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RawServer() as proxy:
        proxy.treat_by(proxy.answers(reply))
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")

        assert_not_made(client_of(f"https://{SERVICE}").submit(CAT))
        assert all(request.startswith(b"CONNECT") for request in proxy.requests)


def test_c2_a_tunnel_that_breaks_after_the_request_leaves_it_unknown(
    tls: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RawServer() as proxy:
        proxy.treat_by(tunnel(proxy, tls(SERVICE), b""))
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")

        assert_ambiguous(client_of(f"https://{SERVICE}").submit(CAT))


def test_a_plain_proxy_is_sent_whole_urls(monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer() as proxy:
        proxy.treat_by(proxy.answers(RUNNING, RUNNING))
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        client = client_of(f"http://{SERVICE}", allow_http=True)

        assert isinstance(client.query("1"), JobReport)
        assert proxy.requests[0].startswith(
            b"GET http://service.example/minimaxi/v1/query/video_generation?task_id=1 "
        )
        assert b"Host: service.example\r\n" in proxy.requests[0]
        client.close()


def test_no_proxy_stands_between_us_and_this_machine(
    fake: FakePhanEdge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{refused_port()}")

    assert isinstance(client_of(fake.url).query(fake.job_id), JobReport)


def test_no_proxy_is_asked_for_hosts_that_are_excepted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{refused_port()}")
    monkeypatch.setenv("NO_PROXY", "nobody.invalid")
    trouble = client_of("http://nobody.invalid", allow_http=True).query("1")

    assert isinstance(trouble, Trouble)
    assert "gaierror" in trouble.error.message


def test_a_proxy_that_cannot_be_meant_is_a_configuration_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "ftp://proxy.example")

    with pytest.raises(ConfigurationError, match="proxy"):
        client_of(f"https://{SERVICE}")


def test_a_bundle_that_is_not_there_is_a_configuration_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/bundle.pem")

    with pytest.raises(ConfigurationError, match="REQUESTS_CA_BUNDLE"):
        client_of(f"https://{SERVICE}")
