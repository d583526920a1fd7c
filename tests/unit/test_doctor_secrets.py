"""What is never printed, and what may be."""

from __future__ import annotations

from typing import Any

import pytest
from celery import Celery

from phanedge_celery.doctor.secrets import holds_secret, secrets_of
from phanedge_celery.settings import Settings

MARK = "sk-marked-0123456789"


def an_app(**conf: Any) -> Celery:
    app = Celery("test", set_as_current=False)
    app.conf.update(conf)
    return app


@pytest.mark.parametrize(
    "conf",
    [
        {"phanedge_api_key": MARK},
        {"phanedge_api_key": MARK, "phanedge_max_wiat": 1},
        {"phanedge_callback_secret": MARK},
        {"broker_url": f"redis://:{MARK}@h:1/0"},
        {"broker_url": ["amqp://a:b@h//", f"amqp://user:{MARK}@h//"]},
        {"result_backend": f"db+postgresql://user:{MARK}@h/x"},
        {"phanedge_tickets": f"redis://:{MARK.replace('-', '%2D')}@h:1/0"},
        {"broker_password": MARK},
        {"some_service": {"url": f"https://user:{MARK}@h/"}},
    ],
)
def test_a_secret_is_known_wherever_it_is_set(conf: dict[str, Any]) -> None:
    assert MARK in secrets_of(an_app(**conf))


class HalfSet:
    """Settings of a host that lists names which it refuses to read."""

    broker_password = MARK

    def __dir__(self) -> list[str]:
        return ["broker_password", "broker_url", "secret_key"]

    @property
    def secret_key(self) -> str:
        raise LookupError("not set")


def test_a_setting_that_cannot_be_read_hides_no_other() -> None:
    app = Celery("test", set_as_current=False)
    app.config_from_object(HalfSet())

    assert MARK in secrets_of(app)


def test_the_key_in_the_environment_is_a_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PHANEDGE_API_KEY", MARK)

    assert MARK in secrets_of(an_app())


@pytest.mark.parametrize(
    "conf",
    [
        {"task_default_routing_key": "phanedge"},
        {"broker_url": "amqp://guest:guest@localhost//"},
        {"password_validators": [{"NAME": "long enough"}]},
        {"token_lifetime": 3600},
        {"broker_url": "redis://h:6379/0"},
    ],
)
def test_words_that_any_line_may_have_are_no_secrets(
    conf: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PHANEDGE_API_KEY", raising=False)

    assert secrets_of(an_app(**conf)) == frozenset()


def test_a_password_that_is_masked_is_none() -> None:
    assert holds_secret("redis://:swordfish@h", Settings())
    assert not holds_secret("redis://:********@h", Settings())
