"""Which storage a setting means, and what is said when it cannot serve."""

from __future__ import annotations

import errno
import sys
import tempfile
from pathlib import Path

import pytest

from phanedge_celery.errors import ConfigurationError, PhanEdgeError, StorageFailed
from phanedge_celery.storage import StorageAway, asking, open_storage
from phanedge_celery.storage.remote import private_folder


@pytest.mark.parametrize("url", ["file:///srv/v", "local:///srv/v", "/srv/v"])
def test_a_local_folder_needs_no_library(url: str) -> None:
    assert open_storage(url).where == "/srv/v"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (None, "phanedge_storage"),
        ("", "phanedge_storage"),
        ("videos", "no URL"),
        ("file://videos", "no absolute path"),
        ("c:videos", "no URL"),
        ("nosuch://bucket", "nosuch"),
    ],
)
def test_a_storage_that_is_none_is_a_mistake_in_the_settings(
    url: str | None, said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        open_storage(url)


@pytest.mark.parametrize(
    ("url", "missing", "install"),
    [
        ("memory://x", "fsspec.core", r"phanedge-celery\[storage\]"),
        ("django:default", "django.core.files.storage", r"phanedge-celery\[django\]"),
    ],
)
def test_a_missing_library_is_named_with_what_installs_it(
    url: str, missing: str, install: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(
        sys.modules, "phanedge_celery.contrib.django.storage", raising=False
    )
    monkeypatch.setitem(sys.modules, missing, None)

    with pytest.raises(ConfigurationError, match=install):
        open_storage(url)


def test_a_library_that_fsspec_lacks_is_named() -> None:
    with pytest.raises(ConfigurationError, match="adlfs"), asking("abfs://x"):
        open_storage("abfs://x")


def test_credentials_in_a_url_are_not_shown() -> None:
    assert open_storage("memory://me:secret@h/p?token=x").where == "memory://h/p"


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device", "/srv/v/x"),
        OSError(errno.EDQUOT, "Disk quota exceeded", "/srv/v/x"),
        OSError(errno.EROFS, "Read-only file system", "/srv/v/x"),
        PermissionError(errno.EACCES, "Permission denied", "/srv/v/x"),
        PermissionError("Access Denied to /srv/v/x"),
        FileNotFoundError("The specified bucket does not exist: /srv/v/x"),
    ],
)
def test_what_a_person_has_to_mend_is_final_and_names_the_place(
    error: Exception,
) -> None:
    with pytest.raises(StorageFailed, match="/srv/v/x") as found, asking("s3://b"):
        raise error

    assert found.value.resumable
    assert "s3://b" in str(found.value)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.EIO, "Input/output error"),
        ConnectionResetError(),
        TimeoutError("timed out"),
        RuntimeError("a library's own"),
    ],
)
def test_all_else_can_pass(error: Exception) -> None:
    with pytest.raises(StorageAway), asking("s3://b"):
        raise error


def test_an_error_of_ours_is_left_alone() -> None:
    mine = StorageFailed("taken")

    with pytest.raises(PhanEdgeError) as found, asking("s3://b"):
        raise mine

    assert found.value is mine


def test_temporary_files_of_a_remote_storage_are_nobody_elses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    folder = private_folder()

    assert folder.parent == tmp_path
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_somebody_else_made_for_us_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = private_folder()
    folder.rmdir()
    folder.symlink_to("/etc")

    with pytest.raises(PermissionError):
        private_folder()
