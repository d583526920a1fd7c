"""The worker's page of metrics."""

from __future__ import annotations

import logging
import socket
import threading
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from celery import Celery
from celery.signals import worker_process_init, worker_ready, worker_shutdown
from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.multiprocess import MultiProcessCollector

from .measures import Measures
from .processes import count_together
from .waiting import Waiting

log = logging.getLogger("phanedge_celery")

PATIENCE: Final = 10
"""Seconds that a client may take over its question: one is answered at a time."""


def serve(app: Celery, host: str, port: int) -> None:
    """Count what this worker does, and serve it once the worker is ready.

    To be called in ``worker_init``, before the pool is forked. A port that is taken
    is an error in the log: jobs are worth more than their metrics.
    """
    folder = count_together()
    Measures().listen()
    registry = CollectorRegistry()
    MultiProcessCollector(registry, folder)  # type: ignore[no-untyped-call]
    registry.register(Waiting(app))
    page = _Page(registry, host, port)
    worker_ready.connect(page.start, weak=False)
    worker_process_init.connect(page.let_go, weak=False)
    worker_shutdown.connect(page.stop, weak=False)


class _Page:
    """One thread of the worker's main process, asking the ticket store as it goes."""

    def __init__(self, registry: CollectorRegistry, host: str, port: int) -> None:
        self._registry, self._host, self._port = registry, host, port
        self._server: WSGIServer | None = None

    def start(self, **_: Any) -> None:
        """Listen. After the fork, so that no child is born with the socket."""
        try:
            self._server = self._listen()
        except OSError as error:
            at = f"{self._host or '*'}:{self._port}"
            log.warning("phanedge.metrics_unserved at %s: %s", at, error)
            return
        threading.Thread(
            target=self._server.serve_forever, name="phanedge-metrics", daemon=True
        ).start()

    def _listen(self) -> WSGIServer:
        kind = _SixServer if ":" in self._host else _Server
        page: Any = make_wsgi_app(self._registry)
        return make_server(self._host, self._port, page, kind, _Handler)

    def let_go(self, **_: Any) -> None:
        """Close the socket in a child that was born later, and so has it."""
        if self._server is not None:
            self._server.socket.close()

    def stop(self, **_: Any) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()


class _Server(WSGIServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say so quietly: a client that went away is no matter of the worker's."""
        log.debug("phanedge.metrics_unread by %s", client_address)


class _SixServer(_Server):
    address_family = socket.AF_INET6


class _Handler(WSGIRequestHandler):
    timeout = PATIENCE

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: a scrape is no event."""
