"""A job over HTTP: its progress as JSON, cancel, and the vendor's callback."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from celery import Celery
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.cache import get_conditional_response
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from phanedge_celery.contrib import called
from phanedge_celery.contrib.shown import (
    NO_STORE,
    NOT_FOUND,
    RETRY_AFTER,
    UNAVAILABLE,
    Door,
    etag,
)
from phanedge_celery.producer import cancel_video
from phanedge_celery.tickets import TicketStoreUnavailable

View = Callable[..., HttpResponse]


def progress_view(door: Door) -> Any:
    """Return the view that answers with `video_progress` as JSON."""

    @require_safe
    @_while_store_is_there
    def progress(request: HttpRequest, id: str) -> HttpResponse:
        found = door.find(request, id)
        if found is None:
            return _answer(NOT_FOUND, 404)
        answer = _answer(found)
        answer["ETag"] = tag = etag(found)
        return get_conditional_response(request, etag=tag, response=answer)

    return progress


def cancel_view(door: Door) -> Any:
    """Return the view that cancels, and answers with what came of it as JSON.

    Django's CSRF middleware guards it.
    """

    @require_POST
    @_while_store_is_there
    def cancel(request: HttpRequest, id: str) -> HttpResponse:
        if door.find(request, id) is None:
            return _answer(NOT_FOUND, 404)
        return _answer(cancel_video(id, app=door.app))

    return cancel


def callback_view(app: Celery | None) -> Any:
    """Return the view that the vendor calls; the signature in its URL guards it."""

    @csrf_exempt
    @require_POST
    @_while_store_is_there
    def callback(request: HttpRequest, token: str) -> HttpResponse:
        return _answer(*called.answer(app, token, request.read(called.READ)))

    return callback


def _while_store_is_there(view: View) -> View:
    @wraps(view)
    def guarded(request: HttpRequest, **named: str) -> HttpResponse:
        try:
            return view(request, **named)
        except TicketStoreUnavailable:
            answer = _answer(UNAVAILABLE, 503)
            answer["Retry-After"] = RETRY_AFTER
            return answer

    return guarded


def _answer(told: Mapping[str, Any], status: int = 200) -> HttpResponse:
    return JsonResponse(told, status=status, headers={"Cache-Control": NO_STORE})
