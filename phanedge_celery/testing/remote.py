"""Steering a fake that runs in another process, over HTTP."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from .controls import Controls
from .operations import Operations
from .wire import Reply, Request, json_answer

PREFIX = "/_fake/"


class RemoteFake(Controls):
    """The controls of the fake at *url*: `RemoteFake("http://127.0.0.1:8900")`.

    Each method is one POST to `/_fake/<operation>`; raises `OSError` when the fake
    is away and `LookupError` or `ValueError` as it would in its own process.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        parts = urlsplit(self.url)
        self._address = (parts.hostname or "", parts.port or 80)

    def _do(self, operation: str, **arguments: Any) -> Any:
        host, port = self._address
        with closing(HTTPConnection(host, port, timeout=30)) as connection:
            kind = {"Content-Type": "application/json"}
            text = json.dumps(arguments)
            connection.request("POST", PREFIX + operation, text, kind)
            with connection.getresponse() as response:
                answer = json.loads(response.read())
        if "error" in answer:
            raise LookupError(answer["error"])
        return answer["result"]


def answered(request: Request, operations: Operations) -> Reply:
    """Return the reply to a request under the control prefix."""
    arguments: Mapping[str, Any] = request.json if request.body else request.query
    try:
        result = operations.do(request.path[len(PREFIX) :], arguments)
    except (LookupError, TypeError, ValueError) as problem:
        return Reply(json_answer({"error": str(problem)}, 400))
    return Reply(json_answer({"result": result}))
