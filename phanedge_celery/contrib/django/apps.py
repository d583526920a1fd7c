"""The Django app: its tasks become known, its checks registered."""

from __future__ import annotations

from django.apps import AppConfig


class PhanEdgeConfig(AppConfig):
    """Label ``phanedge``; nothing is opened, and no setting read, before it is used."""

    name = "phanedge_celery.contrib.django"
    label = "phanedge"
    verbose_name = "PhanEdge videos"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Celery's autodiscovery looks only for `tasks` in the apps themselves.
        import phanedge_celery  # noqa: F401

        from . import checks  # noqa: F401
