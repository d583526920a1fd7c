"""System checks: what the doctor finds, in `manage.py check`."""

from __future__ import annotations

from typing import Any, Final

from celery.app import app_or_default
from django.core.checks import CheckMessage, Error, Warning, register

from phanedge_celery.doctor import Finding, findings

TAG: Final = "phanedge"


@register(TAG)
def check_app(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """Return the hazards in the configuration of the current Celery app."""
    app: Any = app_or_default()
    if app.main == "default" and not app.set_as_current:
        return [_no_app()]
    return [_message(finding) for finding in findings(app)]


def _message(finding: Finding) -> CheckMessage:
    kind = Error if finding.severity == "error" else Warning
    told = f"{finding.what} {finding.why}"
    return kind(told, hint=finding.setting, id=finding.code)


def _no_app() -> CheckMessage:
    return Warning(
        "No Celery app is loaded here, so no video can be asked for.",
        hint="Import it in the project's __init__.py: from .celery import app",
        id=f"{TAG}.W201",
    )
