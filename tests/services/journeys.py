"""Jobs on their way, with what was asked for them and what the service got."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from celery.result import AsyncResult

from phanedge_celery import PhanEdgeError, enqueue_video, follow_video
from phanedge_celery.testing import Fault
from phanedge_celery.testing.timelines import Step
from tests.stacks import Stack, Stacks


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A job on its way, with what was asked for it."""

    stack: Stack
    request: Mapping[str, Any]
    result: AsyncResult[Any] = field(repr=False)

    @property
    def posts(self) -> int:
        return self.stack.posts_of(self.request)

    @property
    def jobs(self) -> int:
        return sum(job["request"] == self.request for job in self.stack.fake.jobs)

    def video(self) -> dict[str, Any]:
        """Wait for the result, and see that no trouble is shown any more."""
        video: dict[str, Any] = self.result.get(timeout=60)
        assert self.stack.ended(self.result.id)["error"] is None
        return video

    def error(self) -> PhanEdgeError:
        with pytest.raises(PhanEdgeError) as caught:
            self.result.get(timeout=60)
        self.stack.ended(self.result.id)
        return caught.value


Jobs = dict[tuple[str, str], Sent]
"""By kind and name."""
Find = Callable[[str, str], Sent]


def sent_by(send_all: Callable[[Stack], Jobs]) -> Callable[[Stacks], Iterator[Find]]:
    """Return the fixture that sends a module's jobs at once, and finds each."""

    @pytest.fixture(scope="module")
    def jobs(stacks: Stacks) -> Iterator[Find]:
        sent = send_all(stacks.get("redis-threads"))
        yield lambda kind, name: sent[kind, name]
        sent.clear()

    return jobs


def submitted(
    stack: Stack,
    *steps: Step,
    create: Fault | None = None,
    times: int | None = 1,
    asking: Mapping[str, Any] | None = None,
    **options: Any,
) -> Sent:
    """Submit a job of its own that tells *steps*; *create* spoils that many answers.

    *asking* are further fields of the request.
    """
    request = stack.request(*steps, **(asking or {}))
    if create is not None:
        stack.fake.fault(create, on="create", prompt=request["prompt"], times=times)
    result = enqueue_video(request, app=stack.app, **options)
    return Sent(stack=stack, request=request, result=result)


def followed(
    stack: Stack,
    *steps: Step,
    retrieve: Fault | None = None,
    times: int | None = 1,
    **options: Any,
) -> Sent:
    """Follow a job of its own that tells *steps*; *retrieve* as *create* above."""
    job_id = stack.fake.add_job(*steps)
    if retrieve is not None:
        stack.fake.fault(retrieve, on="retrieve", job=job_id, times=times)
    result = follow_video(job_id, app=stack.app, **options)
    return Sent(stack=stack, request={"prompt": job_id}, result=result)


def coded(code: int, **body: object) -> Fault:
    """Return an answer with a code of the vendor's and no status."""
    return Fault(body={"base_resp": {"status_code": code, "status_msg": "x"}, **body})


def page(status: int, body: str = "<html>hm</html>") -> Fault:
    return Fault(status=status, body=body)
