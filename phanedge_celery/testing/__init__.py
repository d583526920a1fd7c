"""A double of PhanEdge's video API, for tests and for development.

from phanedge_celery.testing import FakePhanEdge

with FakePhanEdge() as fake:
    app.conf.phanedge_base_url, app.conf.phanedge_api_key = fake.url, fake.key
    fake.script("Queueing", "query_rate_limited", "Success")
    …
    assert fake.polls == 3
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
]
