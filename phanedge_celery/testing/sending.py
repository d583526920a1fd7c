"""Sending an answer, as badly as its fault asks for."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus

from .faults import POLITE, Fault
from .wire import Answer, Reply, Request

PHRASES = {status.value: status.phrase for status in HTTPStatus}
LINGER_RESET = struct.pack("ii", 1, 0)

Wait = Callable[[float], None]
"""Waits so many seconds; raises `ConnectionError` when the fake stops."""


def send(sock: socket.socket, request: Request, reply: Reply, wait: Wait) -> bool:
    """Send *reply*; return whether the connection goes on."""
    fault = reply.fault or POLITE
    if fault.delay:
        wait(fault.delay)
    if fault.silent:
        return _hang_up(sock, fault)
    head, body = _head(request, reply.answer, fault), reply.answer.body
    if request.method == "HEAD":
        sock.sendall(head)
    elif isinstance(body, bytes) and reply.fault is None:
        sock.sendall(head + body)
    else:
        sock.sendall(head)
        _send_body(sock, reply.answer, fault, wait)
    return (request.keeps_alive and _whole(fault)) or _hang_up(sock, fault)


def _hang_up(sock: socket.socket, fault: Fault) -> bool:
    if fault.hang_up in ("reset", "unread"):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)
    return False


def _whole(fault: Fault) -> bool:
    lies = fault.no_length or fault.length_off or fault.cut is not None
    return not lies and fault.hang_up is None


def _head(request: Request, answer: Answer, fault: Fault) -> bytes:
    lines = [f"HTTP/1.1 {answer.status} {PHRASES.get(answer.status, 'Unknown')}"]
    lines += [f"{name}: {value}" for name, value in _headers(answer, fault).items()]
    if not request.keeps_alive or fault.no_length:
        lines.append("Connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _headers(answer: Answer, fault: Fault) -> Mapping[str, str]:
    headers = dict(answer.headers)
    if fault.chunked:
        headers["Transfer-Encoding"] = "chunked"
    elif not fault.no_length and "Content-Length" not in headers:
        headers["Content-Length"] = str(answer.size + fault.length_off)
    return headers


def _send_body(sock: socket.socket, answer: Answer, fault: Fault, wait: Wait) -> None:
    limit = _limit(answer.size, fault.cut)
    for piece in _paced(_pieces(answer, limit), fault, wait):
        if fault.chunked:
            sock.sendall(b"%x\r\n%b\r\n" % (len(piece), bytes(piece)))
        else:
            sock.sendall(piece)
    if fault.chunked and fault.cut is None:
        sock.sendall(b"0\r\n\r\n")


def _limit(size: int, cut: float | None) -> int:
    """Return how many bytes of *size* are sent."""
    if cut is None:
        return size
    if cut < 0:
        return max(size + int(cut), 0)
    return min(int(cut if cut >= 1 or cut == 0 else size * cut), size)


def _pieces(answer: Answer, limit: int) -> Iterator[bytes | memoryview]:
    if isinstance(answer.body, bytes):
        if limit:
            yield memoryview(answer.body)[:limit]
    else:
        yield from answer.body.pieces(limit)


def _paced(
    pieces: Iterator[bytes | memoryview], fault: Fault, wait: Wait
) -> Iterator[bytes | memoryview]:
    if fault.drip is None:
        yield from pieces
        return
    size, pause = fault.drip
    for piece in pieces:
        for start in range(0, len(piece), size):
            yield piece[start : start + size]
            wait(pause)
