"""The API key, as a header carries it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..errors import ConfigurationError

if TYPE_CHECKING:
    from ..settings import Settings

_WHERE: Final = (
    "Set app.conf.phanedge_api_key (CELERY_PHANEDGE_API_KEY in Django's settings read"
    " with namespace='CELERY', app.config['CELERY']['phanedge_api_key'] in Flask), the"
    " environment variable PHANEDGE_API_KEY, or a file named by PHANEDGE_API_KEY_FILE."
)


def token_of(settings: Settings) -> str:
    """Return the key. Raises `ConfigurationError` when there is none to be sent."""
    if settings.api_key is None:
        raise ConfigurationError(f"No API key for PhanEdge. {_WHERE}")
    token = settings.api_key.get_secret_value()
    if not (token.isascii() and token.isprintable() and " " not in token):
        raise ConfigurationError(
            f"The API key has a character that no HTTP header carries. {_WHERE}"
        )
    return token
