"""What one reply means: pure decisions, by the contract's ordered tables."""

from __future__ import annotations

from .create import read_create
from .download import read_download
from .file import read_file
from .query import read_query
from .reply import MAX_BODY, NoReply, Reply
from .trouble import Trouble
from .urls import is_loopback, web_url

__all__ = [
    "MAX_BODY",
    "NoReply",
    "Reply",
    "Trouble",
    "is_loopback",
    "read_create",
    "read_download",
    "read_file",
    "read_query",
    "web_url",
]
