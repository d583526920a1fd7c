"""How a test steers a fake, in its own process or in another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .calls import Called
from .faults import ENDPOINTS, Fault
from .readings import Readings
from .samples import sample_named
from .timelines import Step, Timeline


class Controls(Readings):
    """The orders that `FakePhanEdge` and `RemoteFake` share."""

    def script(
        self,
        *steps: Step | Timeline,
        job: str | None = None,
        prompt: str | None = None,
        times: int | None = 1,
    ) -> None:
        """Say what jobs will tell: `fake.script("Queueing", "Processing", "Success")`.

        A step is a status word, the name of a sample, keys to change in the usual
        body of E2 (`fail(1027, "…")` makes such), or a `Fault`. One `Timeline` may
        stand for all steps. It is for the next *times* jobs (None: for all to
        come) that *prompt* is a part of the prompt of, or for the *job* named.
        """
        timeline = Timeline.of(steps).as_json()
        self._do("script", timeline=timeline, job=job, prompt=prompt, times=times)

    def add_job(self, *steps: Step | Timeline, **fields: Any) -> str:
        """Make a job as if submitted elsewhere; return its id.

        *fields* are `job_id`, `platform_id`, `file_id`, `request`, `size`.
        """
        timeline = Timeline.of(steps).as_json() if steps else None
        return str(self._do("add_job", timeline=timeline, fields=fields))

    def fault(
        self,
        fault: Fault,
        *,
        on: str | Sequence[str] = ENDPOINTS,
        times: int | None = 1,
        skip: int = 0,
        seconds: float | None = None,
        job: str | None = None,
        prompt: str | None = None,
    ) -> None:
        """Spoil the next *times* answers (None: all) of the endpoints *on*.

        `create`, `query`, `retrieve`, `content` are E1 to E4, `file` is the file's
        own URL. *skip* so many requests first; stop after *seconds*. Only for the
        *job* with this id, or for creates whose prompt contains *prompt*.
        """
        endpoints = [on] if isinstance(on, str) else list(on)
        rule: dict[str, Any] = {"on": endpoints, "left": times, "skip": skip}
        rule |= {"job_id": job, "prompt": prompt}
        self._do("fault", fault=fault.as_json(), rule=rule, seconds=seconds)

    def play(
        self,
        sample: str,
        *,
        on: str | Sequence[str] = (),
        times: int | None = 1,
        skip: int = 0,
        seconds: float | None = None,
        job: str | None = None,
        **spoilt: Any,
    ) -> None:
        """Answer with a sample body: `fake.play("query_rate_limited", times=20)`.

        On the endpoints of the index unless *on* says otherwise; *spoilt* are more
        fields of `Fault`.
        """
        fault = Fault(sample=sample, **spoilt)
        where = on or sample_named(sample).on
        self.fault(fault, on=where, times=times, skip=skip, seconds=seconds, job=job)

    def clear_faults(self, *on: str) -> None:
        """Forget the faults queued for these endpoints, or all."""
        self._do("clear_faults", on=list(on or ENDPOINTS))

    def faults(self) -> list[dict[str, Any]]:
        """Return the faults that are still to come."""
        return list(self._do("faults"))

    def elapse(self, seconds: float) -> None:
        """Put the fake's clock forward: timelines, URL lifetimes, rate limits."""
        self._do("elapse", seconds=seconds)

    def options(self, **changes: Any) -> None:
        """Change fields of `Options`: `fake.options(keys=["old", "new"])`."""
        self._do("options", changes=changes)

    def files(self, **changes: Any) -> None:
        """Change fields of `FileTraits`: `fake.files(size=200_000_000, etag=False)`."""
        self._do("files", changes=changes)

    def change_file(self, job: str | None = None) -> None:
        """Give the file of the job (the last one) other content."""
        self._do("change_file", job=job)

    def expire_urls(self, job: str | None = None) -> None:
        """Let every download URL handed out for the job (the last one) expire."""
        self._do("expire_urls", job=job)

    def reset(self) -> None:
        """Forget jobs, faults, options and log."""
        self._do("reset")

    def lose_answer(self, *, times: int | None = 1, hang_up: str = "reset") -> None:
        """Make the next *times* jobs, but end the connection instead of answering."""
        self.fault(Fault(accepts=True, hang_up=hang_up), on="create", times=times)

    def redirect(
        self, to: str = "self", *, hops: int | None = 1, on: str = "file"
    ) -> None:
        """Redirect the next *hops* requests (None: all) to a URL, or to themselves.

        *to* may be `{download_url}`: from `content`, that is to the file host.
        """
        self.fault(Fault(location=to), on=on, times=hops)

    def call_back(
        self,
        sample: str = "callback_success",
        *,
        job: str | None = None,
        url: str | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Called:
        """Send one callback now; return what the receiver said.

        To *url*, or else the `callback_url` of the job (the last one). The body is
        a sample with the job's ids, or *body* as it is.
        """
        sent = {"sample": sample, "job": job, "url": url, "body": body}
        return Called(**self._do("call_back", **sent))
