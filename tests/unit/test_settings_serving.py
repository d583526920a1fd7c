"""Which result backends and brokers can serve."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from phanedge_celery.errors import ConfigurationError
from phanedge_celery.settings import check_app


def an_app(**conf: Any) -> Celery:
    app = Celery("test", set_as_current=False)
    conf = {"broker_url": "memory://", "result_backend": "cache+memory://", **conf}
    app.conf.update(conf, phanedge_api_key=conf.get("phanedge_api_key", "k"))
    return app


@pytest.mark.parametrize(
    ("conf", "reason"),
    [
        ({"result_backend": None}, "result_backend: results are switched off"),
        ({"result_backend": "disabled://"}, "result_backend: results are switched off"),
        ({"result_backend": "rpc://"}, "result_backend: rpc:// keeps"),
        ({"result_backend": "celery.backends.rpc:RPCBackend"}, "result_backend: rpc"),
        ({"result_backend": "nonsense://"}, "result_backend: "),
        ({"broker_url": "filesystem://"}, "broker_url: filesystem:// loses"),
        ({"broker_transport": "filesystem", "broker_url": ""}, "broker_url: filesys"),
        ({"broker_write_url": "filesystem://"}, "broker_url: filesystem:// loses"),
        ({"phanedge_max_wait": "5"}, "phanedge_max_wait: "),
        ({"phanedge_max_wiat": 5}, "phanedge_max_wiat: "),
    ],
)
def test_what_cannot_serve_is_refused_with_the_place_to_change_it(
    conf: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check_app(an_app(**conf))

    text = str(caught.value)
    assert text.startswith(reason)
    assert "app.conf." in text or "the nearest is" in text


def test_results_given_to_the_app_itself_are_judged_too() -> None:
    app = Celery("test", broker="memory://", backend="rpc://", set_as_current=False)

    with pytest.raises(ConfigurationError, match="rpc://"):
        check_app(app)


def test_an_app_without_results_and_with_a_lossy_broker_hears_of_both() -> None:
    with pytest.raises(ConfigurationError) as caught:
        check_app(an_app(result_backend=None, broker_url="filesystem://"))

    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize(
    "conf",
    [
        {"result_backend": "redis://localhost:1/0"},
        {"result_backend": "db+sqlite:///{folder}/results.db"},
        {"result_backend": "cache+memory://"},
        {"broker_url": "redis://localhost:1/0"},
        {"broker_url": "amqp://localhost:1//"},
        {"broker_url": "sqla+sqlite:///{folder}/broker.db"},
        {"task_ignore_result": True},
    ],
)
def test_what_can_serve_is_accepted_without_asking_it(
    conf: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    filled = {
        name: value.format(folder=tmp_path) if isinstance(value, str) else value
        for name, value in conf.items()
    }

    assert check_app(an_app(**filled)).api_key
    assert caplog.records == []


def test_a_worker_without_a_key_starts_with_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("PHANEDGE_API_KEY", "PHANEDGE_API_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)

    settings = check_app(an_app(phanedge_api_key=None))

    assert settings.api_key is None
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "PHANEDGE_API_KEY" in caplog.text
