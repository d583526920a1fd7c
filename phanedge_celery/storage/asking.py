"""What the failures of a storage mean to a job."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from ..errors import ConfigurationError, PhanEdgeError, StorageFailed
from ..models import plain_text
from .storage import OtherEntity, PartBusy, StorageAway

_FINAL: Final = frozenset(
    {
        errno.EACCES,
        errno.EDQUOT,
        errno.EFBIG,
        errno.EISDIR,
        errno.ELOOP,
        errno.ENAMETOOLONG,
        errno.ENOENT,
        errno.ENOSPC,
        errno.ENOTDIR,
        errno.EPERM,
        errno.EROFS,
    }
)
"""Those that a person has to mend."""

_FINAL_TYPES: Final = (
    FileNotFoundError,
    IsADirectoryError,
    NotADirectoryError,
    PermissionError,
)
"""The same, raised without a number, as object stores do."""


@contextmanager
def asking(where: str) -> Iterator[None]:
    """Translate what goes wrong with the storage at *where*.

    Raises `StorageFailed` for what a person has to mend (a full disk, a refused
    permission), `ConfigurationError` for a library that is not there, and
    `StorageAway` for all else.
    """
    try:
        yield
    except (PhanEdgeError, StorageAway, PartBusy, OtherEntity):
        raise
    except ImportError as error:
        raise ConfigurationError(
            f"phanedge_storage: {where} cannot be used: {_said(error)}"
        ) from error
    except Exception as error:  # each storage raises its own library's errors
        message = f"The storage {where} failed: {_said(error)}"
        if is_final(error):
            raise StorageFailed(message) from error
        raise StorageAway(message) from error


def is_final(error: Exception) -> bool:
    """Will the storage fail in this way again until somebody mends it?"""
    if isinstance(error, _FINAL_TYPES):
        return True
    return isinstance(error, OSError) and error.errno in _FINAL


def _said(error: Exception) -> str:
    text = plain_text(str(error), 200)
    return f"{text} ({type(error).__name__})" if text else type(error).__name__
