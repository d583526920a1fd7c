"""Flask: `app.register_blueprint(video_routes(permission=…), url_prefix="/videos")`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Final

from celery import Celery
from flask import Blueprint, Request, Response, current_app, jsonify, request

from phanedge_celery.errors import ConfigurationError
from phanedge_celery.producer import cancel_video
from phanedge_celery.tickets import TicketStoreUnavailable

from . import called
from .shown import NO_STORE, NOT_FOUND, RETRY_AFTER, UNAVAILABLE, Door, etag

Permission = Callable[[Request, str], bool]
"""May whoever sent this request see and cancel the job of this id?"""

View = Callable[..., Response]

_ELSEWHERE: Final[Mapping[str, str]] = {"error": "sent by another site"}


def video_routes(
    *,
    permission: Permission,
    show_url: bool = False,
    app: Celery | None = None,
    name: str = "phanedge",
) -> Blueprint:
    """Return a blueprint: progress at ``<id>``, cancel at ``<id>/cancel``.

    Their endpoints are ``phanedge.progress`` and ``phanedge.cancel``; *name* tells
    two blueprints apart. *permission* gets the request and the id and says whether
    this visitor may see and cancel that job: an id is not a permission. *show_url*
    also shows the download URL, with which anybody can read the video. *app* is the
    Celery app, by default ``current_app.extensions["celery"]``.

    Cancelling takes a POST, which is refused when the browser says that another site
    made it (``Sec-Fetch-Site``). Flask-WTF's `CSRFProtect`, where it is switched on,
    guards it as it guards all POSTs: send its token in ``X-CSRFToken``.
    """
    door = Door(permission=permission, show_url=show_url, app=app)
    routes = Blueprint(name, __name__)
    routes.add_url_rule("/<id>", "progress", _progress(door))
    routes.add_url_rule("/<id>/cancel", "cancel", _cancel(door), methods=["POST"])
    return routes


def callback_routes(
    *, app: Celery | None = None, name: str = "phanedge-callback"
) -> Blueprint:
    """Return a blueprint: where the vendor tells of a job's changes.

    ``app.register_blueprint(callback_routes(), url_prefix="/phanedge")`` goes with
    ``phanedge_callback_url = "https://shop.example/phanedge"``. Its URLs are signed,
    so it needs no other guard; Flask-WTF's `CSRFProtect` has to be told so:
    ``csrf.exempt(routes)``.
    """
    routes = Blueprint(name, __name__)
    routes.add_url_rule("/<token>", "callback", _callback(app), methods=["POST"])
    return routes


def celery_app() -> Celery:
    """Return the Celery app of the Flask app at hand. Raises `ConfigurationError`."""
    try:
        found: Celery = current_app.extensions["celery"]
    except KeyError:
        raise ConfigurationError(
            "This Flask app has no app.extensions['celery']; set it to the Celery app, "
            "as Flask's documentation does, or pass app= to the routes"
        ) from None
    return found


def _progress(door: Door) -> View:
    @_while_store_is_there
    def progress(id: str) -> Response:
        found = door.find(request, id, door.app or celery_app())
        if found is None:
            return _answer(NOT_FOUND, 404)
        answer = _answer(found)
        answer.headers["ETag"] = etag(found)
        answer.make_conditional(request)
        return answer

    return progress


def _cancel(door: Door) -> View:
    @_while_store_is_there
    def cancel(id: str) -> Response:
        app = door.app or celery_app()
        if request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site"):
            return _answer(_ELSEWHERE, 403)
        if door.find(request, id, app) is None:
            return _answer(NOT_FOUND, 404)
        return _answer(cancel_video(id, app=app))

    return cancel


def _callback(app: Celery | None) -> View:
    @_while_store_is_there
    def callback(token: str) -> Response:
        body = request.stream.read(called.READ)
        return _answer(*called.answer(app or celery_app(), token, body))

    return callback


def _while_store_is_there(view: View) -> View:
    @wraps(view)
    def guarded(**named: str) -> Response:
        try:
            return view(**named)
        except TicketStoreUnavailable:
            answer = _answer(UNAVAILABLE, 503)
            answer.headers["Retry-After"] = RETRY_AFTER
            return answer

    return guarded


def _answer(told: Mapping[str, Any], status: int = 200) -> Response:
    answer = jsonify(told)
    answer.status_code = status
    answer.headers["Cache-Control"] = NO_STORE
    return answer
