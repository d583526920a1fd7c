"""What a test reads from a fake, in its own process or in another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from .calls import Called
from .journal import Post, Recorded


class Readings:
    """The questions that `FakePhanEdge` and `RemoteFake` share."""

    def _do(self, operation: str, **arguments: Any) -> Any:
        raise NotImplementedError

    @property
    def jobs(self) -> list[dict[str, Any]]:
        """Every job: its ids, request, created_at, polls (answered), status (told)."""
        return list(self._do("jobs"))

    @property
    def job_id(self) -> str:
        """Of the last job; one is made, as if submitted elsewhere, if there is none."""
        return str(self._do("last")["job_id"])

    @property
    def platform_id(self) -> str:
        return str(self._do("last")["platform_id"])

    @property
    def file_id(self) -> str:
        return str(self._do("last")["file_id"])

    @property
    def polls(self) -> int:
        """How many queries came, whatever their answers."""
        return self.counts.get("query", 0)

    def polls_of(self, job_id: str) -> int:
        """How many queries came for this job."""
        return int(self._do("polls_of", job=job_id))

    @property
    def counts(self) -> Mapping[str, int]:
        """How many requests came to each endpoint."""
        return dict(self._do("counts"))

    @property
    def posts(self) -> list[Post]:
        """Every create that came: prompt, external_task_id, job_id, status."""
        return [Post(**post) for post in self._do("posts")]

    @property
    def requests(self) -> list[Recorded]:
        """The last 50,000 requests."""
        return self.log()

    def log(self, endpoint: str | None = None) -> list[Recorded]:
        """Return the requests to one endpoint, or to all, oldest first."""
        return [Recorded(**entry) for entry in self._do("log", endpoint=endpoint)]

    def posts_by(self, field: str) -> Mapping[str | None, int]:
        """Count the creates that came by `prompt` or `external_task_id`."""
        return Counter(getattr(post, field) for post in self.posts)

    def wait_for(self, endpoint: str, count: int = 1, *, timeout: float = 10) -> None:
        """Wait until *count* requests have come there; raises `TimeoutError`."""
        self._do("wait_for", endpoint=endpoint, count=count, timeout=timeout)

    @property
    def callbacks(self) -> list[Called]:
        """Every POST to a receiver, the challenges among them."""
        return [Called(**called) for called in self._do("callbacks")]

    @property
    def key(self) -> str:
        """An API key that is accepted now."""
        return str(self._do("key"))

    def sha256(self, job: str | None = None) -> str:
        """Return the digest of the file of the job (the last one)."""
        return str(self._do("sha256", job=job))

    def download_url(self, job: str | None = None) -> str:
        """Return a fresh download URL, as files/retrieve would."""
        return str(self._do("download_url", job=job))
