"""A site that the vendor calls back: `python -m tests.receivers flask 8901`.

Its Celery app is the one of `tests.apps.plain`. It says ``listening`` when it does.
"""

from __future__ import annotations

import sys
from typing import Any

from celery import Celery
from werkzeug.serving import make_server

from tests import djangos
from tests.apps.plain import app


def flask_site(app: Celery) -> Any:
    from flask import Flask

    from phanedge_celery.contrib.flask import callback_routes

    site = Flask("called")
    site.extensions["celery"] = app
    site.register_blueprint(callback_routes(), url_prefix="/hook")
    return site


def django_site(app: Celery) -> Any:
    djangos.set_up()
    from django.conf import settings
    from django.core.wsgi import get_wsgi_application

    settings.ROOT_URLCONF = "tests.contrib.callback_urls"
    app.set_default()
    return get_wsgi_application()


SITES = {"django": django_site, "flask": flask_site}


if __name__ == "__main__":
    _, kind, port = sys.argv
    server = make_server("127.0.0.1", int(port), SITES[kind](app), threaded=True)
    print("listening", flush=True)  # noqa: T201 - the test waits for it
    server.serve_forever()
