"""What the worker runs: `celery -A make_celery worker`."""

from __future__ import annotations

from app import create_app

celery = create_app().extensions["celery"]
