"""What the vendor is answered when it calls back, the same in every framework."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from celery import Celery
from celery.app import app_or_default

from phanedge_celery import callback
from phanedge_celery.producer.notice import take_notice
from phanedge_celery.settings import settings_for

from .shown import NOT_FOUND

Answer = tuple[Mapping[str, Any], int]
"""JSON, and the HTTP status."""

READ: Final = callback.MOST + 1
"""Bytes that are read of a body, to know of one that is too large."""

ACK: Final[Mapping[str, str]] = {"status": "success"}
TOO_LARGE: Final[Mapping[str, str]] = {"error": "too large"}


def answer(app: Celery | None, token: str, body: bytes) -> Answer:
    """Answer a POST to the URL that ends in *token* (contract, section 6).

    The challenge is answered without broker or store, a wrong signature without
    reading the body. What the body says is a hint, so garbage is thanked for too.
    Raises `tickets.TicketStoreUnavailable`.
    """
    app = app_or_default(app)
    secret = settings_for(app).callback_secret
    id = secret and callback.id_of(token, secret.get_secret_value())
    if not id:
        return NOT_FOUND, 404
    if len(body) > callback.MOST:
        return TOO_LARGE, 413
    said = callback.read(body)
    if isinstance(said, callback.Challenge):
        return {"challenge": said.value}, 200
    if said is not None:
        take_notice(id, said, app)
    return ACK, 200
