"""One of Django's own storages as the place where files are kept."""

from __future__ import annotations

import io
from pathlib import Path
from typing import IO, Any, cast

from django.core.exceptions import ImproperlyConfigured
from django.core.files import File
from django.core.files.storage import InvalidStorageError, storages

from phanedge_celery.errors import ConfigurationError
from phanedge_celery.storage.names import HIDDEN
from phanedge_celery.storage.remote import private_folder
from phanedge_celery.storage.storage import Beat


def open_alias(alias: str) -> DjangoStorage:
    """Return the storage *alias* of ``STORAGES``. Raises `ConfigurationError`."""
    try:
        return DjangoStorage(storages[alias], alias)
    except (InvalidStorageError, ImproperlyConfigured, ImportError) as error:
        raise ConfigurationError(
            f"phanedge_storage: django:{alias} cannot be used: {error}"
        ) from error


class DjangoStorage:
    """What is put goes through `save()`, whose one call decides how whole it is.

    `FileSystemStorage` renames a file that lies beside its target. *overwrite* is a
    `delete()` and a `save()`: between the two there is no file.
    """

    def __init__(self, storage: Any, alias: str) -> None:
        self._storage = storage
        self.where = f"django:{alias}"

    def workplace(self, name: str) -> Path:
        try:
            return Path(self._storage.path(name)).parent / HIDDEN
        except NotImplementedError:
            return private_folder()

    def size(self, name: str) -> int | None:
        if not self._storage.exists(name):
            return None
        return int(self._storage.size(name))

    def open(self, name: str) -> IO[bytes]:
        return cast("IO[bytes]", self._storage.open(name, "rb"))

    def put(self, name: str, file: Path, *, overwrite: bool, beat: Beat) -> None:
        if overwrite:
            self._storage.delete(name)
        saved = self._save(name, file, beat)
        if saved != name:
            self._storage.delete(saved)
            raise FileExistsError(f"{name} is taken")

    def _save(self, name: str, file: Path, beat: Beat) -> str:
        size = file.stat().st_size
        with _Beating(file, beat) as source:
            content = File(source, name)
            # By this name a storage of local files moves a file instead of copying it.
            content.temporary_file_path = lambda: str(file)
            try:
                return str(self._storage.save(name, content))
            except Exception:
                if self.size(name) not in (None, size):
                    self._storage.delete(name)
                raise


class _Beating(io.FileIO):
    def __init__(self, file: Path, beat: Beat) -> None:
        super().__init__(file, "rb")
        self._beat = beat

    def read(self, size: int | None = -1, /) -> bytes:
        self._beat()
        return super().read(-1 if size is None else size) or b""
