"""A double of PhanEdge's video API: a real HTTP server, for tests and development.

In a test, or with the fixture `phanedge_celery.testing.fixtures.fake`:

    with FakePhanEdge() as fake:
        app.conf.phanedge_base_url, app.conf.phanedge_api_key = fake.url, fake.key
        fake.script("Queueing", "query_rate_limited", "Success")
        result = poll_video.delay(fake.job_id)
        ...
        assert fake.polls == 3

As a process: `python -m phanedge_celery.testing --port 8900`; a test steers that one
by `RemoteFake("http://127.0.0.1:8900")`, which has the same methods, or anything
that speaks HTTP by `GET` or `POST /_fake/<operation>`. `/healthz` says that it is up.

What jobs tell (`Controls.script`, `add_job`; `Timeline`, `fail`):

    fake.script("Preparing", "Processing", "Fail")        # the next job, poll by poll
    fake.script(Timeline.seconds(queueing=1, processing=2), times=None)    # all jobs
    fake.script("Processing", fail(1027, "output new_sensitive"), prompt="dragon")
    fake.script({"status": "Success", "file_id": ""}, "Success", job=job_id)
    fake.add_job("Success", size=5_000_000)               # submitted by someone else
    {"prompt": "A cat {fake: Queueing, Success}"}         # from a web form
    {"prompt": "A cat {fake: create_rejected_1026}"}

What goes wrong (`Controls.fault`, `play`, `lose_answer`, `redirect`; `Fault`):

    fake.play("gateway_429", on="query", times=20, retry_after=5)
    fake.play("gateway_404", times=None, seconds=60, job=job_id)
    fake.fault(Fault(status=503, delay=2), on="create")
    fake.fault(Fault(cut=0.5, hang_up="reset"), on="file", skip=1)
    fake.fault(Fault(headers={"Content-Type": "application/json"}), on="content")
    fake.lose_answer()                                    # the job exists, nobody knows
    fake.stop(); fake.start()                             # the port refuses meanwhile

Every sample body of the contract is played by its name; `samples()` has them all.

What the gateway and the file host are like (`Options`, `FileTraits`):

    fake.options(keys=["old", "new"], per_minute=600, callbacks=True)
    fake.files(size=200_000_000, ranges=False, host="localhost", lifetime=60)
    fake.change_file(); fake.expire_urls(); fake.elapse(3600)

What came (`Readings`): `fake.requests`, `log("create")`, `posts`, `posts_by("prompt")`,
`polls`, `polls_of(job_id)`, `counts`, `jobs`, `callbacks`, `faults()`;
`fake.wait_for("create")` waits for a request instead of sleeping.
"""

from __future__ import annotations

from .calls import Called
from .clips import tiny_mp4
from .controls import Controls
from .desk import KEY, Options
from .fake import FakePhanEdge
from .faults import ENDPOINTS, Fault
from .files import FileTraits
from .journal import Post, Recorded
from .remote import RemoteFake
from .samples import Sample, samples
from .timelines import Timeline, fail
from .waits import without_waits

__all__ = [  # noqa: RUF022 -- a table of contents
    # The fake, and its controls from another process
    "FakePhanEdge",
    "RemoteFake",
    "Controls",
    # What it is told
    "KEY",
    "Options",
    "FileTraits",
    "Timeline",
    "fail",
    "Fault",
    "ENDPOINTS",
    # What it tells
    "Recorded",
    "Post",
    "Called",
    # What it plays
    "Sample",
    "samples",
    "tiny_mp4",
    # What an eager app needs
    "without_waits",
]
