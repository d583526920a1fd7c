"""What `manage.py check` says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from celery import Celery
from django.core.checks import Error, Warning, run_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.test import override_settings

from phanedge_celery.settings import settings_for
from phanedge_celery.testing import FakePhanEdge
from tests.contrib.conftest import celery_app


@pytest.fixture
def site(database: Any, fake: FakePhanEdge) -> Iterator[Celery]:
    """An app as Django's documentation has it: settings under a namespace."""
    with celery_app(fake) as app:
        yield app


def found(id: str) -> Any:
    [message] = [
        message for message in run_checks(tags=["phanedge"]) if message.id == id
    ]
    return message


def test_a_mistake_in_the_settings_is_an_error_with_the_place_to_mend_it(
    site: Celery,
) -> None:
    site.conf.phanedge_max_wiat = 60

    message = found("phanedge.E001")

    assert isinstance(message, Error)
    assert "phanedge_max_wiat" in message.msg
    assert message.hint


def test_a_missing_key_is_a_warning_that_names_every_place(site: Celery) -> None:
    site.conf.phanedge_api_key = None

    message = found("phanedge.W002")

    assert isinstance(message, Warning)
    assert "PHANEDGE_API_KEY" in message.hint


def test_a_migration_makes_what_the_models_say(database: Any) -> None:
    call_command("makemigrations", "phanedge", check=True, dry_run=True, verbosity=0)


def test_results_for_one_process_alone_are_an_error(database: Any) -> None:
    with Celery("rpc") as app:
        app.conf.update(result_backend="rpc://", broker_url="memory://")
        message = found("phanedge.E010")

    assert isinstance(message, Error)
    assert "result_backend" in message.hint


def test_an_error_stops_manage_py_and_a_warning_does_not(site: Celery) -> None:
    site.conf.phanedge_api_key = None
    call_command("check", "--tag", "phanedge")

    site.conf.phanedge_storage = "django:nowhere"
    with pytest.raises(SystemCheckError, match=r"phanedge\.E050"):
        call_command("check", "--tag", "phanedge")


def test_a_warning_can_be_silenced_by_its_id(
    site: Celery, capsys: pytest.CaptureFixture[str]
) -> None:
    site.conf.phanedge_api_key = None

    with override_settings(SILENCED_SYSTEM_CHECKS=["phanedge.W002"]):
        call_command("check", "--tag", "phanedge")

    assert "W002" not in capsys.readouterr().err


def test_a_project_that_never_loads_its_celery_app_is_told_where_to(
    database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("celery._state._tls.current_app", None)
    monkeypatch.setattr("celery._state.default_app", None)

    message = found("phanedge.W201")

    assert "__init__.py" in message.hint


def test_settings_are_read_when_they_are_needed(database: Any) -> None:
    with Celery("site") as app:
        app.config_from_object("django.conf:settings", namespace="CELERY")
        assert settings_for(app).max_wait == 1800
        with override_settings(CELERY_PHANEDGE_MAX_WAIT=60):
            assert settings_for(app).max_wait == 60

        assert settings_for(app).max_wait == 1800


def test_settings_that_were_configured_by_hand_are_examined(database: Any) -> None:
    with Celery("site") as app:
        app.config_from_object("django.conf:settings", namespace="CELERY")
        with override_settings(CELERY_PHANEDGE_STORAGE="django:nowhere"):
            assert "nowhere" in found("phanedge.E050").msg
