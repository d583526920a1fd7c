"""The only door to HTTP."""

from __future__ import annotations

from .calls import Client
from .shared import client_for
from .streams import CHUNK, Interrupted, Stream

__all__ = ["CHUNK", "Client", "Interrupted", "Stream", "client_for"]
