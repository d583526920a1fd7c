"""A storage that fails, a worker that dies: what the next attempt makes of it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from phanedge_celery.errors import StorageFailed
from phanedge_celery.storage import Entity, hold, open_storage
from phanedge_celery.storage.part import OVERLAP
from phanedge_celery.storage.remote import private_folder
from phanedge_celery.testing import FakePhanEdge
from phanedge_celery.tickets import Stage
from tests.caller import Caller
from tests.saver import Saver

SIZE = 300_000
NAME = "orders/42.mp4"


class Killed(BaseException):
    """Stands for the end of the process: nothing catches it."""


class ShakyFileSystem(MemoryFileSystem):  # type: ignore[misc]
    """Files in memory, behind failures to come."""

    protocol = "shaky"
    failures: ClassVar[list[BaseException]] = []
    uploads: ClassVar[list[str]] = []

    def _open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        if "w" in mode:
            self.uploads.append(path)
            if self.failures:
                raise self.failures.pop(0)
        return super()._open(path, mode, **options)


fsspec.register_implementation("shaky", ShakyFileSystem, clobber=True)


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def fake() -> Iterator[FakePhanEdge]:
    with FakePhanEdge() as fake:
        fake.files(size=SIZE)
        yield fake


@pytest.fixture
def saver(fake: FakePhanEdge, tmp_path: Path) -> Iterator[Saver]:
    ShakyFileSystem.failures.clear()
    ShakyFileSystem.uploads.clear()
    yield Saver(fake, tmp_path, phanedge_storage=f"shaky://{uuid4().hex}")
    ShakyFileSystem.store.clear()


def kept(saver: Saver, name: str = NAME) -> bytes:
    with open_storage(saver.app.conf.phanedge_storage).open(name) as file:
        return file.read()


def test_a_storage_that_fails_once_gets_the_file_without_another_download(
    saver: Saver, fake: FakePhanEdge
) -> None:
    ShakyFileSystem.failures += [ConnectionError("away"), RuntimeError("busy")]

    video = saver.saved()

    assert video.sha256 == fake.sha256()
    assert len(kept(saver)) == SIZE
    assert fake.counts["file"] == 1
    assert len(ShakyFileSystem.uploads) == 3
    assert saver.files() == {}


def test_a_storage_that_fails_for_ever_ends_in_an_error_that_can_be_resumed(
    saver: Saver, fake: FakePhanEdge
) -> None:
    ShakyFileSystem.failures += [ConnectionError("the line is dead")] * 100

    result = saver.save()

    assert isinstance(result.result, StorageFailed)
    assert "the line is dead" in str(result.result)
    assert result.result.resumable
    assert len(ShakyFileSystem.uploads) < 50
    assert fake.counts["file"] == 1
    assert saver.files() == {}


def test_a_storage_that_has_to_be_mended_is_not_asked_again(saver: Saver) -> None:
    ShakyFileSystem.failures += [PermissionError("not for you")]

    result = saver.save()

    assert isinstance(result.result, StorageFailed)
    assert "not for you" in str(result.result)
    assert len(ShakyFileSystem.uploads) == 1
    assert saver.files() == {}


def test_a_save_cut_off_in_its_move_goes_on_without_another_download(
    saver: Saver, fake: FakePhanEdge
) -> None:
    id = str(uuid4())
    ShakyFileSystem.failures.append(Killed())
    with pytest.raises(Killed):
        first(saver, id)
    claimed = saver.ticket(id)

    video = saver.save(id=id).get()

    assert claimed is not None
    assert claimed.stage is Stage.SAVING
    assert claimed.version == 2
    assert video["sha256"] == fake.sha256()
    assert len(kept(saver)) == SIZE
    assert fake.counts["file"] == 1
    assert saver.files() == {}


def test_a_download_cut_off_by_a_kill_goes_on_where_it_was(
    saver: Saver, fake: FakePhanEdge
) -> None:
    id, half = str(uuid4()), SIZE // 2
    with Caller(fake) as caller:
        reply = caller.file()
    with hold(private_folder(), id) as part:
        part.begin(Entity(size=SIZE, etag=reply.headers["ETag"]))
        part.take(reply.content[:half])

    video = first(saver, id)

    request = fake.log("file")[-1]
    assert request.headers["range"] == f"bytes={half - OVERLAP}-"
    assert request.status == 206
    assert video["sha256"] == fake.sha256()
    assert saver.files() == {}


def first(saver: Saver, id: str) -> Any:
    """Run the job *id* from its first attempt on."""
    task = saver.app.tasks["phanedge.save_file"]
    return task.apply((saver.known, NAME), task_id=id).get()


def test_what_comes_of_a_canvas_is_saved_under_the_canvas_nodes_id(
    fake: FakePhanEdge, tmp_path: Path
) -> None:
    saver = Saver(fake, tmp_path)
    retrieve = saver.app.tasks["phanedge.retrieve_file"]
    save = saver.app.tasks["phanedge.save_file"]
    node = retrieve.s(fake.file_id, job_id=fake.job_id) | save.s("{file_id}/b.mp4")

    video = node.apply().get()

    assert video["saved_to"] == f"{fake.file_id}/b.mp4"
    assert list(saver.files()) == [f"{fake.file_id}/b.mp4"]


def test_a_frame_from_the_storage_is_posted_and_never_travels_in_a_message(
    fake: FakePhanEdge, tmp_path: Path
) -> None:
    saver = Saver(fake, tmp_path)
    image = b"\x89PNG\r\n\x1a\n" + os.urandom(1000)
    (tmp_path / "cat.png").write_bytes(image)
    submit = saver.app.tasks["phanedge.submit_video"]
    frame = {"first_frame_image": "storage:cat.png"}

    result = submit.apply(({"model": "MiniMax-Hailuo-02", "prompt": "x", **frame},))

    assert result.get()["status"] == "Success"
    posted = fake.jobs[-1]["request"]["first_frame_image"]
    assert posted.startswith("data:image/png;base64,")


def test_a_frame_that_is_missing_costs_no_post(
    fake: FakePhanEdge, tmp_path: Path
) -> None:
    saver = Saver(fake, tmp_path)
    submit = saver.app.tasks["phanedge.submit_video"]
    frame = {"first_frame_image": "storage:cat.png"}

    result = submit.apply(({"model": "MiniMax-Hailuo-02", "prompt": "x", **frame},))

    assert "cat.png" in str(result.result)
    assert fake.posts == []


def test_a_name_that_cannot_work_costs_no_post(
    fake: FakePhanEdge, tmp_path: Path
) -> None:
    saver = Saver(fake, tmp_path)
    submit = saver.app.tasks["phanedge.submit_video"]
    request = {"model": "MiniMax-Hailuo-02", "prompt": "x"}

    result = submit.apply((request,), {"save_to": "../x.mp4"})

    assert "save_to" in str(result.result)
    assert fake.posts == []
