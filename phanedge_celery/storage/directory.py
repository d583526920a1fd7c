"""A folder of this machine as a storage."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import IO, Final

from .names import HIDDEN
from .storage import Beat

_NO_LINKS: Final = frozenset(
    {errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.EMLINK, errno.EXDEV}
)


class Directory:
    """Files below *root*, which is made if it is not there."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.where = str(root)

    def workplace(self, name: str) -> Path:
        return (self.root / name).parent / HIDDEN

    def size(self, name: str) -> int | None:
        path = self.root / name
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "Is a directory", str(path))
        try:
            return path.stat().st_size
        except FileNotFoundError:
            return None

    def open(self, name: str) -> IO[bytes]:
        return (self.root / name).open("rb")

    def put(self, name: str, file: Path, *, overwrite: bool, beat: Beat) -> None:
        target = self.root / name
        if overwrite:
            file.replace(target)
        else:
            _link(file, target)
        flush_folder(target.parent)


def _link(file: Path, target: Path) -> None:
    """Give *file* a second name, which, unlike renaming, replaces no file."""
    try:
        os.link(file, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if target.exists():
            raise FileExistsError(errno.EEXIST, "File exists", str(target)) from error
        file.replace(target)


def flush_folder(folder: Path) -> None:
    """See to it that a new name survives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
