"""The client: submit, query, retrieve, open."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode, urlsplit

from ..answers import NoReply, Reply, Trouble, read_create, read_file, read_query
from ..errors import RequestInvalid
from ..models import (
    FileRecord,
    JobReport,
    JobStatus,
    Submission,
    VideoRequest,
    canonical,
    file_id_of,
    job_id_of,
    stored_images,
)
from .downloads import Downloads, plain_hosts
from .key import token_of
from .line import AGENT, Line
from .streams import Stream, Wanted
from .surroundings import Surroundings

if TYPE_CHECKING:
    from ..settings import Settings

log = logging.getLogger("phanedge_celery")

BASE: Final = "/minimaxi/v1"

CREATE_READ: Final = 120.0
"""Seconds: giving up early on a paid call makes a submission unknown."""

_SHORTEST_SECRET: Final = 16


class Client:
    """One account's way to the service, for one process.

    What the service says, or fails to say, is returned: `Trouble` with the error that
    it amounts to. Raises `ConfigurationError` for a key or an environment that cannot
    work, and `RequestInvalid` for an id or a request that cannot be sent; nothing is
    sent then. Threads may share a client, processes may not.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        pool_size: int = 32,
        create_read: float = CREATE_READ,
    ) -> None:
        self._settings = settings
        self._create_read = max(settings.timeout[1], create_read)
        self._surroundings = Surroundings()
        self._downloads = Downloads(settings, self._surroundings)
        self._plain_hosts = plain_hosts(settings.base_url)
        self._path = urlsplit(settings.base_url).path + BASE
        self._line = self._line_of(pool_size, settings.timeout[1])
        self._words: set[str] = set()

    def submit(self, request: VideoRequest | Mapping[str, Any]) -> Submission | Trouble:
        """Create a job from a request that has been checked (E1). One POST.

        A mapping is sent as it is. The connection is a fresh one: one kept from before
        may have died meanwhile, and leave it open whether the job was created.
        """
        wire = request.wire() if isinstance(request, VideoRequest) else request
        if images := stored_images(wire):
            raise RequestInvalid(f"storage:{images[0]} is still to be read")
        body, headers = canonical(wire), self._headers()
        line = self._line_of(1, self._create_read)
        try:
            path = f"{self._path}/video_generation"
            reply = line.ask("POST", path, headers | _JSON, body)
        finally:
            line.close()
        return read_create(self._without_key(reply), now=_now())

    def query(self, job_id: str | int) -> JobReport | Trouble:
        """Ask once after a job (E2), by either of its ids."""
        job_id = job_id_of(job_id)
        reply = self._get("query/video_generation", task_id=job_id)
        answer = read_query(reply, job_id, now=_now(), plain_hosts=self._plain_hosts)
        if isinstance(answer, JobReport):
            self._remark_on(answer)
        return answer

    def retrieve(
        self, file_id: str | int, job_id: str | int | None = None
    ) -> FileRecord | Trouble:
        """Ask for a file's description and a new download URL (E3).

        With the vendor's *job_id* the gateway need not guess whose file it is.
        """
        ids = _file_ids(file_id, job_id)
        reply = self._get("files/retrieve", **ids)
        return read_file(
            reply,
            ids["file_id"],
            ids.get("task_id"),
            now=_now(),
            plain_hosts=self._plain_hosts,
        )

    def open(
        self,
        url: str,
        *,
        start: int = 0,
        etag: str | None = None,
        within: float = 600,
        job_id: str | None = None,
    ) -> AbstractContextManager[Stream]:
        """Open a file by its download URL, from byte *start* on if the host allows it.

        The API key stays here. *etag* is that of the file begun before; *within* are
        seconds for all of it. Raises `Interrupted`.
        """
        return self._downloads.open(
            Wanted(url=url, start=start, etag=etag, within=within, job_id=job_id)
        )

    def open_content(
        self,
        file_id: str | int,
        job_id: str | int | None = None,
        *,
        within: float = 600,
    ) -> AbstractContextManager[Stream]:
        """Open a file through the gateway (E4), for when it has no download URL.

        It gives all of a file or nothing, in 120 s (contract, 4.3). Raises
        `Interrupted`.
        """
        ids = _file_ids(file_id, job_id)
        path = f"{BASE}/files/retrieve_content?{urlencode(ids)}"
        return self._downloads.open(
            Wanted(
                url=self._settings.base_url + path,
                within=within,
                authorization=self._headers()["Authorization"],
                file_id=ids["file_id"],
                job_id=ids.get("task_id"),
            )
        )

    def close(self) -> None:
        """Close the connections that were kept."""
        self._line.close()

    def _get(self, path: str, **query: str) -> Reply | NoReply:
        target = f"{self._path}/{path}?{urlencode(query)}"
        reply = self._line.ask("GET", target, self._headers(), again=True)
        return self._without_key(reply)

    def _line_of(self, size: int, read: float) -> Line:
        base = self._settings.base_url
        manager = self._surroundings.manager(base, size=size)
        origin = urlsplit(base)._replace(path="").geturl()
        connect = self._settings.timeout[0]
        return Line(manager, origin, connect=connect, read=read, size=size)

    def _headers(self) -> dict[str, str]:
        return {
            **AGENT,
            **_ACCEPT,
            "Authorization": f"Bearer {token_of(self._settings)}",
        }

    def _without_key(self, reply: Reply | NoReply) -> Reply | NoReply:
        """Return *reply* without the key, should the service have echoed it."""
        secret = token_of(self._settings).removeprefix("sk-")
        if isinstance(reply, NoReply) or len(secret) < _SHORTEST_SECRET:
            return reply
        headers = reply.headers
        if any(secret in value for value in headers.values()):
            headers = {k: v.replace(secret, "***") for k, v in headers.items()}
        body = reply.body.replace(secret.encode(), b"***")
        return replace(reply, headers=headers, body=body)

    def _remark_on(self, report: JobReport) -> None:
        if not report.status.known and report.status not in self._words:
            self._words.add(report.status)
            log.warning("phanedge.unknown_status %r", str(report.status))
        if report.status is JobStatus.SUCCESS and report.reason:
            log.warning("phanedge.success_with_error %s", report.reason)


def _file_ids(file_id: str | int, job_id: str | int | None) -> dict[str, str]:
    ids = {"file_id": file_id_of(file_id)}
    return ids if job_id is None else {**ids, "task_id": job_id_of(job_id)}


def _now() -> datetime:
    return datetime.now(timezone.utc)


_JSON: Final = {"Content-Type": "application/json"}
_ACCEPT: Final = {"Accept": "application/json"}
