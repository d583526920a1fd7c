"""The only door to HTTP."""

from __future__ import annotations

from .calls import Client, client_for
from .streams import CHUNK, Interrupted, Stream

__all__ = ["CHUNK", "Client", "Interrupted", "Stream", "client_for"]
