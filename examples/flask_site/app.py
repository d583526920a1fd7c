"""Videos in Flask: a JSON API, and one page that uses it.

celery -A make_celery worker -Q phanedge -l INFO
flask --app app run
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

from celery import Celery, Task
from flask import (
    Flask,
    Response,
    abort,
    jsonify,
    render_template,
    request,
    send_file,
    session,
    url_for,
)

from phanedge_celery import PhanEdgeError, enqueue_video, video_progress
from phanedge_celery.contrib.flask import celery_app, video_routes

DATA = Path(os.environ.get("SITE_DATA") or Path(__file__).parent / "var").resolve()
REAL = bool(os.environ.get("PHANEDGE_API_KEY"))
FAKE = {
    "phanedge_api_key": "fake-key",
    "phanedge_base_url": os.environ.get("FAKE_URL", "http://127.0.0.1:8900"),
    "phanedge_allow_http": True,
    "phanedge_allow_private_hosts": True,
    "phanedge_schedule": {"first": 1, "every": 1},
}


def create_app() -> Flask:
    DATA.mkdir(parents=True, exist_ok=True)
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY=os.environ.get("FLASK_SECRET_KEY") or secrets.token_hex(),
        SESSION_COOKIE_SAMESITE="Lax",
        CELERY={
            "broker_url": os.environ.get("CELERY_BROKER_URL")
            or f"sqla+sqlite:///{DATA}/broker.db",
            "result_backend": os.environ.get("CELERY_RESULT_BACKEND")
            or f"db+sqlite:///{DATA}/results.db",
            "task_routes": {"phanedge.*": {"queue": "phanedge"}},
            "phanedge_storage": f"file://{DATA}/media",
            **({} if REAL else FAKE),
        },
    )
    app.extensions["celery"] = make_celery(app)
    app.register_blueprint(video_routes(permission=is_mine), url_prefix="/api/videos")
    app.add_url_rule("/api/videos", "ask", ask, methods=["POST"])
    app.add_url_rule("/videos/<id>.mp4", "file", file)
    app.add_url_rule("/", "page", page)
    app.after_request(only_from_here)
    return app


def make_celery(app: Flask) -> Celery:
    """Make the Celery app of a Flask app, as Flask's documentation does."""

    class FlaskTask(Task):
        def __call__(self, *args: object, **kwargs: object) -> object:
            with app.app_context():
                return self.run(*args, **kwargs)

    celery = Celery("flask_site", task_cls=FlaskTask)
    celery.config_from_object(app.config["CELERY"])
    celery.set_default()
    return celery


def is_mine(_: Any, id: str) -> bool:
    return id in session.get("jobs", [])


def ask() -> tuple[Response, int]:
    """Ask for a video; the body is the request for it, as JSON."""
    wanted = request.get_json()
    if not isinstance(wanted, dict):
        abort(400)
    try:
        result = enqueue_video(
            wanted,
            key=request.headers.get("Idempotency-Key"),
            save_to="{job_id}.mp4",
            app=celery_app(),
        )
    except PhanEdgeError as error:
        return jsonify(error=str(error)), 422
    session["jobs"] = [*session.get("jobs", []), result.id][-20:]
    progress = url_for("phanedge.progress", id=result.id)
    return jsonify(id=result.id, progress=progress), 202


def file(id: str) -> Response:
    """Send the saved video, in parts if a browser asks for parts."""
    video = is_mine(request, id) and video_progress(id, app=celery_app())["video"]
    if not video or not video["saved_to"]:
        abort(404)
    return send_file(DATA / "media" / video["saved_to"], conditional=True)


def page() -> str:
    return render_template("page.html")


def only_from_here(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = "default-src 'self'"
    return response
