"""What every storage must do, over all the kinds that we promise."""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from phanedge_celery.errors import StorageFailed
from phanedge_celery.storage import Part, Storage, asking, hold, keep, open_storage

RENAMED = ("directory", "django-files")
"""Files get in by being renamed; into all others they are uploaded."""

UPLOADED = ("memory", "s3", "django-memory")
EXCLUSIVE = ("directory", "django-files", "django-memory")
"""They can tell that a name has been taken since we looked; fsspec cannot."""


@pytest.fixture(scope="session")
def s3_bucket() -> Iterator[str]:
    """An S3 server in this process, with a bucket; botocore reads the environment."""
    for module in ("moto", "s3fs"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        environment.setenv("AWS_ACCESS_KEY_ID", "made-up")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
        environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
        import s3fs

        s3fs.S3FileSystem(skip_instance_cache=True).mkdir("videos")
        yield "videos"
    server.stop()


@pytest.fixture
def django(tmp_path: Path) -> Iterator[None]:
    """Django with a storage of files and one in memory, for one test."""
    pytest.importorskip("django")
    from django.test import override_settings

    from tests.djangos import set_up

    files = "django.core.files.storage.FileSystemStorage"
    memory = "django.core.files.storage.InMemoryStorage"
    set_up()
    kept = {
        "files": {"BACKEND": files, "OPTIONS": {"location": str(tmp_path / "media")}},
        "memory": {"BACKEND": memory},
    }
    with override_settings(STORAGES=kept):
        yield


@pytest.fixture(params=[*RENAMED, *UPLOADED])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "directory":
        return f"file://{tmp_path}/kept"
    if request.param == "memory":
        return f"memory://{uuid4().hex}"
    if request.param == "s3":
        return f"s3://{request.getfixturevalue('s3_bucket')}/{uuid4().hex}"
    request.getfixturevalue("django")
    return "django:files" if request.param == "django-files" else "django:memory"


@pytest.fixture
def storage(url: str) -> Storage:
    return open_storage(url)


@contextmanager
def whole(storage: Storage, name: str, content: bytes) -> Iterator[tuple[Part, str]]:
    """Yield a part that holds *content*, and its digest."""
    with hold(storage.workplace(name), name) as part:
        part.begin(part.entity)
        part.take(content)
        try:
            yield part, part.finish()
        finally:
            part.discard()


def save(storage: Storage, name: str, content: bytes, **options: Any) -> None:
    with whole(storage, name, content) as (part, sha256):
        keep(storage, name, part.path, sha256, **options)


def read(storage: Storage, name: str) -> bytes:
    with storage.open(name) as file:
        return file.read()


def listed(storage: Storage, folder: str) -> list[str]:
    """Return every file in a folder, temporary ones too."""
    inner: Any = storage
    if hasattr(inner, "root"):
        return sorted(p.name for p in (inner.root / folder).rglob("*") if p.is_file())
    if hasattr(inner, "_storage"):
        return sorted(inner._storage.listdir(folder)[1])
    inner._fs.invalidate_cache()
    return sorted(p.rpartition("/")[2] for p in inner._fs.find(inner._path(folder)))


def test_a_file_is_kept_under_its_name(storage: Storage) -> None:
    content = os.urandom(3_000_000)

    save(storage, "orders/42.mp4", content)

    assert read(storage, "orders/42.mp4") == content
    assert storage.size("orders/42.mp4") == len(content)
    assert listed(storage, "orders") == ["42.mp4"]


def test_a_name_without_a_file_has_no_size(storage: Storage) -> None:
    assert storage.size("orders/none.mp4") is None


def test_the_same_content_again_is_no_second_copy(storage: Storage) -> None:
    save(storage, "a/b.mp4", b"content")
    save(storage, "a/b.mp4", b"content")

    assert listed(storage, "a") == ["b.mp4"]


def test_other_content_is_refused_and_the_first_one_stays(storage: Storage) -> None:
    save(storage, "a/b.mp4", b"content")

    for other in (b"CONTENT", b"longer content"):
        with pytest.raises(StorageFailed, match="another file"):
            save(storage, "a/b.mp4", other)

    assert read(storage, "a/b.mp4") == b"content"
    assert listed(storage, "a") == ["b.mp4"]


def test_other_content_replaces_the_first_when_told_to(storage: Storage) -> None:
    save(storage, "a/b.mp4", b"content")
    save(storage, "a/b.mp4", b"other content", overwrite=True)

    assert read(storage, "a/b.mp4") == b"other content"
    assert listed(storage, "a") == ["b.mp4"]


@pytest.mark.parametrize("url", EXCLUSIVE, indirect=True)
def test_who_loses_a_race_is_told_so(storage: Storage) -> None:
    save(storage, "a/b.mp4", b"content")

    with (
        whole(storage, "a/b.mp4", b"other") as (part, _),
        pytest.raises(FileExistsError),
    ):
        storage.put("a/b.mp4", part.path, overwrite=False, beat=lambda: None)

    assert read(storage, "a/b.mp4") == b"content"
    assert listed(storage, "a") == ["b.mp4"]


@pytest.mark.parametrize("url", UPLOADED, indirect=True)
def test_an_upload_that_breaks_off_leaves_no_file(storage: Storage) -> None:
    beats = iter([True, False])

    def beat() -> None:
        if not next(beats):
            raise ConnectionError

    with pytest.raises(ConnectionError):
        save(storage, "a/cut.mp4", os.urandom(9_000_000), beat=beat)

    assert storage.size("a/cut.mp4") is None
    with suppress(FileNotFoundError):
        assert listed(storage, "a") == []


@pytest.mark.parametrize("url", UPLOADED, indirect=True)
def test_a_long_upload_is_heard_of(storage: Storage) -> None:
    beats: list[None] = []

    save(storage, "a.mp4", os.urandom(5_000_000), beat=lambda: beats.append(None))

    assert len(beats) >= 5


@pytest.mark.parametrize("url", RENAMED, indirect=True)
def test_the_temporary_file_of_a_local_storage_is_renamed(storage: Storage) -> None:
    with whole(storage, "a/b.mp4", b"content") as (part, sha256):
        before = part.path.stat().st_ino
        keep(storage, "a/b.mp4", part.path, sha256)

    with storage.open("a/b.mp4") as file:
        assert os.fstat(file.fileno()).st_ino == before


def test_a_folder_under_the_name_is_an_error_that_a_person_mends(
    storage: Storage,
) -> None:
    save(storage, "a/b.mp4", b"content")

    with pytest.raises(StorageFailed), asking(storage.where):
        save(storage, "a", b"content")


def test_reading_gives_what_was_saved_byte_for_byte(storage: Storage) -> None:
    content = bytes(range(256)) * 5000
    save(storage, "x.bin", content)

    with storage.open("x.bin") as file:
        digest = hashlib.sha256()
        while chunk := file.read(1000):
            digest.update(chunk)

    assert digest.digest() == hashlib.sha256(content).digest()
