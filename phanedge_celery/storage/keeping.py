"""Getting a whole file into a storage once, whatever is there already."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from ..errors import StorageFailed
from .storage import Beat, Storage

_CHUNK: Final = 1 << 20


def keep(
    storage: Storage,
    name: str,
    file: Path,
    sha256: str,
    *,
    overwrite: bool = False,
    beat: Beat = lambda: None,
) -> None:
    """Put *file*, whose digest is known, under *name*, unless it is there already.

    Raises `StorageFailed` when another file is there, unless *overwrite*.
    """
    found = storage.size(name)
    if found is not None:
        if found == file.stat().st_size and _holds(storage, name, sha256, beat):
            return
        if not overwrite:
            raise _taken(storage, name)
    try:
        storage.put(name, file, overwrite=overwrite, beat=beat)
    except FileExistsError as error:
        # Somebody else was quicker; who loses the race may still have the same file.
        if not _holds(storage, name, sha256, beat):
            raise _taken(storage, name) from error


def _holds(storage: Storage, name: str, sha256: str, beat: Beat) -> bool:
    digest = hashlib.sha256()
    with storage.open(name) as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            beat()
    return digest.hexdigest() == sha256


def _taken(storage: Storage, name: str) -> StorageFailed:
    return StorageFailed(
        f"{name} in {storage.where} is another file; save under another name, or with"
        " overwrite=True"
    )
