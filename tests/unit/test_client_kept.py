"""A kept connection: the short way reads what the long way would have read."""

from __future__ import annotations

import gzip
import socket
import time
from typing import Any

import pytest

from phanedge_celery.answers import MAX_BODY, Trouble
from phanedge_celery.client import Client
from phanedge_celery.errors import UnexpectedAnswer
from phanedge_celery.models import JobReport
from phanedge_celery.settings import Settings
from phanedge_celery.testing import KEY
from tests.rawserver import RawServer, Treat, ok

BODY = b'{"task_id": "1", "status": "Processing"}'
HEAD = b"HTTP/1.1 200 OK\r\n"
PLAIN = ok(BODY)
COUNTED = b"Content-Length: %d\r\n\r\n" % len(BODY)
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
PACKED = gzip.compress(BODY)


def client_of(url: str, **keys: Any) -> Client:
    given = {"api_key": KEY, "base_url": url, "timeout": (5, 5)}
    return Client(Settings(**given | keys))


def answering(server: RawServer, *pieces: bytes) -> Treat:
    """Answer each request by all *pieces*, one after the other."""

    def treat(sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while server.heard(sock):
            for piece in pieces:
                sock.sendall(piece)
                time.sleep(0.02 if len(pieces) > 1 else 0)

    return treat


KEEPS: dict[str, list[bytes]] = {
    "one piece": [PLAIN],
    "head, then body": [HEAD + COUNTED, BODY],
    "half a head": [PLAIN[:12], PLAIN[12:]],
    "half a body": [PLAIN[:-5], PLAIN[-5:]],
    "chunks": [HEAD + CHUNKED],
    "chunks in pieces": [HEAD + CHUNKED[:40], CHUNKED[40:50], CHUNKED[50:]],
    "a header twice": [HEAD + b"X-A: 1\r\nX-A: 2\r\n" + COUNTED + BODY],
    "a folded header": [HEAD + b"X-A: 1\r\n  2\r\n" + COUNTED + BODY],
    "a header beyond ASCII": [HEAD + b"X-A: \xe9\r\n" + COUNTED + BODY],
    "an answer before the answer": [b"HTTP/1.1 100 Continue\r\n\r\n" + PLAIN],
    "lower case, no reason": [b"HTTP/1.1 200\r\n" + COUNTED.lower() + BODY],
    "packed though unasked": [
        HEAD + b"Content-Encoding: gzip\r\n" + ok(PACKED)[len(HEAD) :]
    ],
}
CLOSES: dict[str, list[bytes]] = {
    "it says so": [HEAD + b"Connection: close\r\n" + COUNTED + BODY],
    "HTTP/1.0": [PLAIN.replace(b"1.1", b"1.0")],
    "more than was asked for": [PLAIN, b"HTTP/1.1 200 OK\r\n"],
}


@pytest.mark.parametrize("pieces", KEEPS.values(), ids=KEEPS)
def test_an_answer_in_any_form_is_read_and_its_connection_kept(
    pieces: list[bytes],
) -> None:
    with RawServer() as server:
        server.treat_by(answering(server, *pieces))
        client = client_of(server.url)
        answers = [client.query("1") for _ in range(3)]

    assert all(isinstance(answer, JobReport) for answer in answers), answers
    assert len(server.requests) == 3
    assert server.connections == 1


@pytest.mark.parametrize("pieces", CLOSES.values(), ids=CLOSES)
def test_a_connection_that_is_over_or_strange_is_not_used_again(
    pieces: list[bytes],
) -> None:
    with RawServer() as server:
        server.treat_by(answering(server, *pieces))
        client = client_of(server.url)
        answers = []
        for _ in range(3):
            answers.append(client.query("1"))
            time.sleep(0.1)

    assert all(isinstance(answer, JobReport) for answer in answers), answers
    assert len(server.requests) == server.connections == 3


def test_an_answer_that_is_not_for_this_question_is_never_read() -> None:
    other = ok(b'{"task_id": "2", "status": "Success", "file_id": "9"}')
    with RawServer() as server:
        server.treat_by(answering(server, PLAIN, other))
        client = client_of(server.url)
        answers = []
        for _ in range(3):
            answers.append(client.query("1"))
            time.sleep(0.1)

    reports = [answer for answer in answers if isinstance(answer, JobReport)]
    assert len(reports) == 3
    assert {report.job_id for report in reports} == {"1"}


def test_no_answer_is_read_beyond_its_bound() -> None:
    length = b"Content-Length: %d\r\n\r\n" % (1 << 40)
    with RawServer() as server:
        server.treat_by(answering(server, HEAD + length, b" " * (MAX_BODY + 9)))
        trouble = client_of(server.url).query("1")

    assert isinstance(trouble, Trouble)
    assert isinstance(trouble.error, UnexpectedAnswer)


def test_an_answer_of_two_lengths_is_none() -> None:
    two = HEAD + b"Content-Length: 9\r\n" + COUNTED + BODY
    with RawServer() as server:
        server.treat_by(answering(server, two))

        assert isinstance(client_of(server.url).query("1"), Trouble)


def test_so_many_connections_are_kept_and_no_more() -> None:
    with RawServer() as server:
        server.treat_by(answering(server, PLAIN))
        line = client_of(server.url)._line_of(2, 5)
        taken = [line._kept._made() for _ in range(3)]
        for connection in taken:
            line._kept._exchange(connection, b"GET / HTTP/1.1\r\n\r\n")

        assert len(line._kept._idle) == 2
        line.close()
        assert not line._kept._idle


@pytest.mark.parametrize(
    ("base", "path"),
    [
        pytest.param("", "/minimaxi/v1", id="plain"),
        pytest.param("/a.b~c/d-e_f", "/a.b~c/d-e_f/minimaxi/v1", id="a path"),
        pytest.param("/a!<b", "/a!%3Cb/minimaxi/v1", id="a path to be quoted"),
    ],
)
def test_a_request_is_what_the_long_way_would_have_sent(base: str, path: str) -> None:
    with RawServer() as server:
        server.treat_by(answering(server, PLAIN))
        assert isinstance(client_of(server.url + base).query("12"), JobReport)
        [sent] = server.requests

    first, *fields = sent.decode().strip().split("\r\n")
    assert first == f"GET {path}/query/video_generation?task_id=12 HTTP/1.1"
    assert f"Host: 127.0.0.1:{server.port}" in fields
    assert f"Authorization: Bearer {KEY}" in fields
    assert [f.split(":")[0] for f in fields].count("Accept-Encoding") == 1
    assert len(fields) == 5
