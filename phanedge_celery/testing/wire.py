"""HTTP/1.1 as the fake reads it from a socket."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol
from urllib.parse import parse_qsl

from .faults import Fault


class Stream:
    """The bytes of one connection."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._held = b""

    def until(self, mark: bytes) -> bytes | None:
        """Return what comes before *mark*, None when the other side has left."""
        while (end := self._held.find(mark)) < 0:
            more = self.sock.recv(65536)
            if not more:
                return None
            self._held += more
        found, self._held = self._held[:end], self._held[end + len(mark) :]
        return found

    def exactly(self, size: int) -> bytes:
        """Return *size* bytes; raises `ConnectionError` when they never come."""
        taken = bytearray(self._held[:size])
        self._held = self._held[size:]
        while len(taken) < size:
            more = self.sock.recv(min(size - len(taken), 1 << 20))
            if not more:
                raise ConnectionError("the body ends early")
            taken += more
        return bytes(taken)


@dataclass
class Request:
    """One request; header names are lower-case, the body is read when asked for."""

    method: str
    target: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    stream: Stream
    touched: bool = False

    @cached_property
    def body(self) -> bytes:
        self.touched = True
        if self.headers.get("expect", "").lower() == "100-continue":
            self.stream.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        return self.stream.exactly(int(self.headers.get("content-length") or 0))

    @cached_property
    def json(self) -> Any:
        """The body as JSON, None when it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    @property
    def token(self) -> str:
        """What follows `Bearer `, empty when nothing does."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""

    @property
    def keeps_alive(self) -> bool:
        return self.headers.get("connection", "").lower() != "close"


def read_request(stream: Stream) -> Request | None:
    """Return the next request, None at the end; raises `ValueError` on nonsense."""
    head = stream.until(b"\r\n\r\n")
    if head is None:
        return None
    line, *rest = head.decode("latin-1").lstrip("\r\n").split("\r\n")
    method, target, _ = line.split(" ", 2)
    path, _, query = target.partition("?")
    headers = {}
    for row in rest:
        name, _, value = row.partition(":")
        headers[name.lower()] = value.strip()
    if "transfer-encoding" in headers:
        raise ValueError("a request body needs a Content-Length here")
    asked = dict(parse_qsl(query, keep_blank_values=True)) if query else {}
    return Request(method, target, path, asked, headers, stream)


class Body(Protocol):
    """A body that is too large to hold."""

    @property
    def size(self) -> int: ...

    def pieces(self, limit: int) -> Iterator[bytes | memoryview]:
        """Yield the first *limit* bytes."""


@dataclass(frozen=True)
class Answer:
    """What the fake means to say."""

    status: int
    body: bytes | Body = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return len(self.body) if isinstance(self.body, bytes) else self.body.size


@dataclass(frozen=True)
class Reply:
    """An answer with the fault that spoils it."""

    answer: Answer
    fault: Fault | None = None


def json_answer(
    body: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Answer:
    """Return *body* as a JSON answer, in UTF-8 as the gateway writes it."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    kind = {"Content-Type": "application/json; charset=utf-8"}
    return Answer(status, text.encode(), {**kind, **(headers or {})})
