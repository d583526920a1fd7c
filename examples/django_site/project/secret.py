"""The site's secret key, made once and kept beside its database."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path


def secret_key(folder: Path) -> str:
    """Return the key kept in *folder*; web and worker may ask at the same moment."""
    file = folder / "secret-key"
    made = folder / f"secret-key.{os.getpid()}"
    if not file.exists():
        made.touch(mode=0o600)
        made.write_text(secrets.token_urlsafe(50), encoding="utf-8")
        with suppress(FileExistsError):
            os.link(made, file)
        made.unlink()
    return file.read_text(encoding="utf-8")
