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
PATIENCE = 60
"""Seconds to wait for the fake's answer, over those that the order takes itself."""
ERRORS: Mapping[str, type[Exception]] = {
    "LookupError": LookupError,
    "TypeError": TypeError,
    "ValueError": ValueError,
    "TimeoutError": TimeoutError,
}


class RemoteFake(Controls):
    """The controls of the fake at *url*: `RemoteFake("http://127.0.0.1:8900")`.

    Each method is one POST to `/_fake/<operation>`; raises `OSError` when the fake
    is away, `LookupError`, `TypeError`, `ValueError` and `TimeoutError` as there.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        parts = urlsplit(self.url)
        self._address = (parts.hostname or "", parts.port or 80)

    def _do(self, operation: str, **arguments: Any) -> Any:
        host, port = self._address
        patience = PATIENCE + arguments.get("timeout", 0)
        with closing(HTTPConnection(host, port, timeout=patience)) as connection:
            kind = {"Content-Type": "application/json"}
            text = json.dumps(arguments)
            connection.request("POST", PREFIX + operation, text, kind)
            with connection.getresponse() as response:
                answer = json.loads(response.read())
        if "error" in answer:
            raise ERRORS[answer["type"]](answer["error"])
        return answer["result"]


def answered(request: Request, operations: Operations) -> Reply:
    """Return the reply to a request under the control prefix."""
    arguments: Mapping[str, Any] = request.json if request.body else request.query
    try:
        result = operations.do(request.path[len(PREFIX) :], arguments)
    except tuple(ERRORS.values()) as problem:
        kind = next(name for name, cls in ERRORS.items() if isinstance(problem, cls))
        return Reply(json_answer({"error": str(problem), "type": kind}, 400))
    return Reply(json_answer({"result": result}))
