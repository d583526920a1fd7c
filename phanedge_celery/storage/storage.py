"""What a storage has to offer, so that a file gets into it whole."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Protocol

Beat = Callable[[], None]
"""Called now and then during what may take long; never raises."""


class StorageAway(Exception):
    """The storage failed in a way that can pass; try again later."""


class PartBusy(Exception):
    """Another process, or another thread of this one, holds this part."""


class OtherEntity(Exception):
    """What the host gives now is not the continuation of what it gave before."""


class Storage(Protocol):
    """Files by name. Methods raise what their own library raises: see `asking`."""

    where: str
    """For people: the place, without credentials."""

    def workplace(self, name: str) -> Path:
        """Return the local folder for the temporary file of *name*.

        Where names are local files it lies beside them, so that `put` can rename.
        """

    def size(self, name: str) -> int | None:
        """Return the bytes of the file *name*, None when there is none."""

    def open(self, name: str) -> AbstractContextManager[IO[bytes]]:
        """Open the file *name* for reading."""

    def put(self, name: str, file: Path, *, overwrite: bool, beat: Beat) -> None:
        """Make the local *file* the file *name*, all at once; it may be moved away.

        Raises `FileExistsError`, unless *overwrite*, if it notices that there is one.
        """
