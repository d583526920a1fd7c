"""Any file system that fsspec knows as a storage."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path
from typing import IO, Any, Final, cast
from urllib.parse import urlsplit

from ..errors import ConfigurationError
from .storage import Beat

BLOCK: Final = 8 << 20
"""Bytes that are held until they are uploaded; S3 wants 5 MiB at least."""

_CHUNK: Final = 1 << 20


class Remote:
    """Files below *url*; options and credentials are fsspec's and its library's own.

    A file appears when it is complete, as far as the file system has transactions
    (object stores have). Its temporary file lies in the machine's own folder for
    such, which ``TMPDIR`` names.
    """

    def __init__(self, url: str) -> None:
        self.where = _public(url)
        # An instance that others share would share its transaction with them.
        self._fs, root = _file_system(url, self.where)
        self._root = str(root).rstrip("/")

    def workplace(self, name: str) -> Path:
        return private_folder()

    def size(self, name: str) -> int | None:
        self._fs.invalidate_cache()
        try:
            found = self._fs.info(self._path(name))
        except FileNotFoundError:
            return None
        if found["type"] == "directory":
            raise IsADirectoryError(f"{name} is a directory")
        return int(found["size"])

    def open(self, name: str) -> IO[bytes]:
        return cast(
            "IO[bytes]", self._fs.open(self._path(name), "rb", block_size=BLOCK)
        )

    def put(self, name: str, file: Path, *, overwrite: bool, beat: Beat) -> None:
        try:
            self._upload(name, file, beat)
        except FileNotFoundError:
            if not self._fs.isdir(self._root):
                raise
            self._fs.makedirs(self._path(name).rpartition("/")[0], exist_ok=True)
            self._upload(name, file, beat)
        if self.size(name) != file.stat().st_size:
            raise OSError(f"{name} arrived with another size")

    def _upload(self, name: str, file: Path, beat: Beat) -> None:
        with (
            file.open("rb") as source,
            self._fs.transaction,
            self._fs.open(self._path(name), "wb", block_size=BLOCK) as target,
        ):
            while chunk := source.read(_CHUNK):
                target.write(chunk)
                beat()

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"


def private_folder() -> Path:
    """Return this user's folder for temporary files, which nobody else can enter."""
    folder = Path(tempfile.gettempdir()) / f"phanedge-{os.geteuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise PermissionError(f"{folder} is not a folder of our own")
    return folder


def _file_system(url: str, where: str) -> tuple[Any, str]:
    try:
        from fsspec.core import url_to_fs
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"phanedge_storage: {where} needs fsspec;"
            " pip install 'phanedge-celery[storage]'"
        ) from error
    try:
        found: tuple[Any, str] = url_to_fs(url, skip_instance_cache=True)
    except ValueError as error:
        raise ConfigurationError(
            f"phanedge_storage: {where} cannot be used: {error}"
        ) from error
    return found


def _public(url: str) -> str:
    """Return *url* without credentials."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"
