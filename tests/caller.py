"""A plain caller of the vendor's API, for tests of the fake itself."""

from __future__ import annotations

import socket
from types import TracebackType
from typing import Any

import requests

from phanedge_celery.testing import KEY, FakePhanEdge

REQUEST = {"model": "MiniMax-Hailuo-2.3", "prompt": "A cat surfs."}
PATHS = {
    "create": ("POST", "/minimaxi/v1/video_generation"),
    "query": ("GET", "/minimaxi/v1/query/video_generation"),
    "retrieve": ("GET", "/minimaxi/v1/files/retrieve"),
    "content": ("GET", "/minimaxi/v1/files/retrieve_content"),
}


class Caller:
    """Calls the endpoints over one kept-alive connection."""

    def __init__(self, fake: FakePhanEdge, key: str = KEY) -> None:
        self.fake = fake
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["Authorization"] = f"Bearer {key}"

    def __enter__(self) -> Caller:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.session.close()

    def call(self, endpoint: str, **options: Any) -> requests.Response:
        """Call an endpoint about the fake's last job."""
        if endpoint == "file":
            return self.file(**options)
        method, path = PATHS[endpoint]
        if endpoint == "create":
            options.setdefault("json", REQUEST)
        elif endpoint == "query":
            options.setdefault("params", {"task_id": self.fake.job_id})
        else:
            ids = {"file_id": self.fake.file_id, "task_id": self.fake.job_id}
            options.setdefault("params", ids)
        options.setdefault("timeout", 10)
        return self.session.request(
            method, self.fake.url + path, allow_redirects=False, **options
        )

    def create(self, **request: Any) -> dict[str, Any]:
        found: dict[str, Any] = self.call("create", json={**REQUEST, **request}).json()
        return found

    def query(self, job_id: str | None = None) -> dict[str, Any]:
        asked = {"task_id": job_id or self.fake.job_id}
        found: dict[str, Any] = self.call("query", params=asked).json()
        return found

    def statuses(self, polls: int, job_id: str | None = None) -> list[str]:
        """Return the words told to so many polls."""
        return [self.query(job_id).get("status", "") for _ in range(polls)]

    def file(self, url: str | None = None, **options: Any) -> requests.Response:
        """Get the file of the last job, without a token."""
        headers = {"Authorization": None, **options.pop("headers", {})}
        return self.session.get(
            url or self.fake.download_url(), headers=headers, timeout=10, **options
        )


def raw(fake: FakePhanEdge, sent: bytes) -> bytes:
    """Send bytes on a connection of their own; return all that comes back."""
    host, port = fake.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as sock:
        sock.sendall(sent)
        sock.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: sock.recv(65536), b""))
