"""An app that saves files in this process, step by step, for tests of the saving."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from celery import Celery
from celery.result import EagerResult

from phanedge_celery.messages import HEADER, stamp_for
from phanedge_celery.models import Video
from phanedge_celery.testing import FakePhanEdge
from phanedge_celery.tickets import Ticket, store_for
from tests.apps.plain import environment, make_app

AT_ONCE: Final = {
    "first": 0,
    "every": 0.01,
    "retry_first": 0.01,
    "retry_max": 0.01,
    "limited_first": 0.01,
    "patience": 0,
}


class Saver:
    """Saves files of a fake below *root*, eagerly; *conf* is more of `app.conf`."""

    def __init__(self, fake: FakePhanEdge, root: Path, **conf: Any) -> None:
        self.fake, self.root = fake, root
        settings: dict[str, Any] = {
            "task_always_eager": True,
            "phanedge_api_key": fake.key,
            "phanedge_storage": f"file://{root}",
        }
        self.app: Celery = make_app(
            environment(
                broker="memory://",
                backend="cache+memory://",
                base_url=fake.url,
                schedule=AT_ONCE,
                **(settings | conf),
            )
        )

    @property
    def known(self) -> dict[str, str]:
        """What retrieve_file would hand over of the fake's last job."""
        return {"job_id": self.fake.job_id, "file_id": self.fake.file_id}

    def save(
        self,
        save_to: str = "orders/42.mp4",
        *,
        video: Any = None,
        id: str | None = None,
        **options: Any,
    ) -> EagerResult[Any]:
        """Run save_file to its end; *id* goes on with a job that has a ticket."""
        ticket = self.ticket(id) if id else None
        headers: Any = {HEADER: stamp_for(ticket).header()} if ticket else {}
        task = self.app.tasks["phanedge.save_file"]
        return task.apply(
            (video or self.known, save_to),
            options,
            task_id=id or str(uuid4()),
            headers=headers,
        )

    def saved(self, save_to: str = "orders/42.mp4", **options: Any) -> Video:
        """Save, and return the video; raises what the job ended with."""
        return Video.model_validate(self.save(save_to, **options).get())

    def ticket(self, id: str) -> Ticket | None:
        return store_for(self.app).read(id)

    def files(self) -> Mapping[str, bytes]:
        """Return every file below the root, temporary ones too."""
        return {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in self.root.rglob("*")
            if path.is_file()
        }
