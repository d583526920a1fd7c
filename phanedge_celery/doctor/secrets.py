"""What must not be shown: keys, passwords, and the text that would give them away."""

from __future__ import annotations

import re
from typing import Any, Final

from ..settings import Settings

_PASSWORD: Final = re.compile(r"://[^\s/@:'\"]*:(?!\*+@)([^\s'\"]+)@")
_SHORTEST: Final = 6
"""Characters; a shorter one would hide half of every text."""


def holds_secret(value: Any, settings: Settings) -> bool:
    """Is there a password in a URL, or one of our own secrets, in *value*?"""
    text = str(value)
    return any(secret in text for secret in _own(settings)) or bool(
        _PASSWORD.search(text)
    )


def secrets_of(settings: Settings, *values: Any) -> frozenset[str]:
    """Return the secrets of *settings*, and the passwords of the URLs in *values*."""
    found = (_PASSWORD.findall(str(value)) for value in values)
    passwords = {password for each in found for password in each}
    return frozenset(_own(settings)) | {p for p in passwords if len(p) >= _SHORTEST}


def _own(settings: Settings) -> list[str]:
    kept = (settings.api_key, settings.callback_secret)
    texts = [secret.get_secret_value() for secret in kept if secret is not None]
    return [text for text in texts if len(text) >= _SHORTEST]
