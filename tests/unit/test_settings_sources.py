"""Where the phanedge_* keys may be set, and what is said of those set elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from celery import Celery
from celery.local import Proxy
from hypothesis import given
from hypothesis import strategies as st

from phanedge_celery import errors
from phanedge_celery.errors import ConfigurationError
from phanedge_celery.settings import missing_api_key, settings_for
from phanedge_celery.settings.reading import doubts
from phanedge_celery.settings.sources import KEYS, Found


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("PHANEDGE_")]:
        monkeypatch.delenv(name)


def an_app(source: object = None, namespace: str | None = None) -> Celery:
    app = Celery("test", broker="memory://", set_as_current=False)
    if source is not None:
        app.config_from_object(source, namespace=namespace)
    return app


def as_module(keys: dict[str, Any]) -> ModuleType:
    module = ModuleType("celeryconfig")
    vars(module).update(keys)
    return module


def as_class(keys: dict[str, Any]) -> type:
    return type("Config", (), keys)


def by_attribute(keys: dict[str, Any]) -> Celery:
    app = an_app()
    for name, value in keys.items():
        setattr(app.conf, name, value)
    return app


def by_update(keys: dict[str, Any]) -> Celery:
    app = an_app({"result_backend": "cache+memory://"})
    app.conf.update(keys)
    return app


WAYS: dict[str, Callable[[dict[str, Any]], Celery]] = {
    "app.conf.x = …": by_attribute,
    "app.conf.update(…)": by_update,
    "a dict": an_app,
    "a module": lambda keys: an_app(as_module(keys)),
    "a class": lambda keys: an_app(as_class(keys)),
    "an instance": lambda keys: an_app(as_class(keys)()),
    "after a first read": lambda keys: _read_then_set(keys),
}


def _read_then_set(keys: dict[str, Any]) -> Celery:
    app = an_app()
    settings_for(app)
    app.conf.update(keys)
    return app


@pytest.mark.parametrize("way", WAYS)
def test_a_key_is_read_wherever_celery_reads_its_own(way: str) -> None:
    app = WAYS[way]({"phanedge_max_wait": 77})

    assert settings_for(app).max_wait == 77


@pytest.mark.parametrize("way", WAYS)
def test_a_misspelt_key_is_refused_wherever_it_stands(way: str) -> None:
    app = WAYS[way]({"phanedge_max_wiat": 77})

    with pytest.raises(ConfigurationError, match="the nearest is phanedge_max_wait"):
        settings_for(app)


@pytest.mark.parametrize(("namespace", "start"), [("CELERY", "CELERY_"), ("c", "c_")])
def test_under_a_namespace_a_key_carries_it(namespace: str, start: str) -> None:
    name = start + ("PHANEDGE_MAX_WAIT" if start.isupper() else "phanedge_max_wait")
    app = an_app(as_module({name: 77}), namespace)

    assert settings_for(app).max_wait == 77


def test_under_a_namespace_a_misspelt_key_is_refused_as_it_is_spelled() -> None:
    app = an_app(as_class({"CELERY_PHANEDGE_APIKEY": "x"}), "CELERY")

    with pytest.raises(ConfigurationError) as caught:
        settings_for(app)

    assert caught.value.message == (
        "CELERY_PHANEDGE_APIKEY: there is no such key; "
        "the nearest is CELERY_PHANEDGE_API_KEY"
    )


def test_a_key_set_on_the_app_counts_under_a_namespace_too() -> None:
    app = an_app(as_module({"CELERY_BROKER_URL": "memory://"}), "CELERY")
    app.conf.phanedge_max_wait = 77

    assert settings_for(app).max_wait == 77


@pytest.mark.parametrize(
    ("namespace", "places"),
    [
        (None, ["app.conf.phanedge_base_url", "['CELERY']['phanedge_base_url']"]),
        ("CELERY", ["CELERY_PHANEDGE_BASE_URL", "namespace='CELERY'", "settings.py"]),
    ],
)
def test_a_complaint_names_every_place_where_the_key_can_be_set(
    namespace: str | None, places: list[str]
) -> None:
    app = an_app({"broker_url": "memory://"}, namespace)
    app.conf.phanedge_base_url = "http://elsewhere.example"

    with pytest.raises(ConfigurationError) as caught:
        settings_for(app)

    for place in [*places, "app.conf.phanedge_base_url", "variable PHANEDGE_BASE_URL"]:
        assert place in str(caught.value)


def test_a_key_without_a_variable_names_none() -> None:
    with pytest.raises(ConfigurationError) as caught:
        settings_for(by_attribute({"phanedge_max_wait": "5"}))

    assert "environment" not in str(caught.value)


def test_a_settings_module_may_import_what_it_likes() -> None:
    app = an_app(as_module({"phanedge_celery": errors, "phanedge_max_wait": 77}))

    assert settings_for(app).max_wait == 77


def test_the_environment_serves_where_the_app_says_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PHANEDGE_BASE_URL", "http://localhost:1/")
    monkeypatch.setenv("PHANEDGE_API_KEY", "from-environment\n")

    assert settings_for(an_app()).base_url == "http://localhost:1"
    assert key_of(an_app()) == "from-environment"
    assert key_of(by_attribute({"phanedge_api_key": "from-app"})) == "from-app"
    assert key_of(by_attribute({"phanedge_api_key": None})) == "from-environment"


def key_of(app: Celery) -> str | None:
    key = settings_for(app).api_key
    return key.get_secret_value() if key else None


def test_the_settings_follow_every_change(monkeypatch: pytest.MonkeyPatch) -> None:
    app = an_app()
    before = settings_for(app)
    assert settings_for(app) is before

    app.conf.phanedge_schedule = {"first": 1}
    assert settings_for(app).schedule.first == 1
    app.conf.phanedge_schedule["first"] = 2
    assert settings_for(app).schedule.first == 2
    monkeypatch.setenv("PHANEDGE_API_KEY", "k")
    assert key_of(app) == "k"


def test_two_apps_do_not_mix() -> None:
    one, other = (by_attribute({"phanedge_api_key": key}) for key in ("1", "2"))

    assert [key_of(one), key_of(other), key_of(one)] == ["1", "2", "1"]


def test_the_app_may_be_a_proxy_as_the_current_app_is() -> None:
    app = by_attribute({"phanedge_max_wait": 77})
    proxy: Any = Proxy(lambda: app)

    assert settings_for(proxy) is settings_for(app)


def test_a_key_file_is_read_again_when_it_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, new = tmp_path / "key", tmp_path / "new"
    monkeypatch.setenv("PHANEDGE_API_KEY_FILE", str(file))
    app = an_app()
    assert key_of(app) is None

    file.write_text("old-key\n")
    assert key_of(app) == "old-key"
    new.write_text("new-key\n")
    new.replace(file)
    assert key_of(app) == "new-key"
    file.unlink()
    assert key_of(app) is None


def test_the_key_itself_beats_a_key_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key").write_text("from-file")
    monkeypatch.setenv("PHANEDGE_API_KEY_FILE", str(tmp_path / "key"))
    assert key_of(an_app()) == "from-file"

    monkeypatch.setenv("PHANEDGE_API_KEY", "from-environment")
    assert key_of(an_app()) == "from-environment"


def test_a_missing_key_is_no_error_but_a_sentence_that_names_every_place() -> None:
    sentence = missing_api_key(an_app({"broker_url": "memory://"}, "CELERY"))

    assert sentence.count("\n") == 0
    for place in (
        "CELERY_PHANEDGE_API_KEY",
        "app.conf.phanedge_api_key",
        "variable PHANEDGE_API_KEY ",
        "PHANEDGE_API_KEY_FILE",
    ):
        assert place in sentence


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read (FileNotFoundError)"),
        (b" \n", "is empty"),
        (b"\xff", "De"),
    ],
)
def test_a_key_file_that_gives_no_key_is_named_with_the_reason(
    content: bytes | None,
    reason: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("PHANEDGE_API_KEY_FILE", str(file))
    app = an_app()

    assert settings_for(app).api_key is None
    assert f"{file} " in missing_api_key(app)
    assert reason in missing_api_key(app)


@pytest.mark.parametrize(
    ("namespace", "name", "meant"),
    [
        ("CELERY", "PHANEDGE_TICKETS", "CELERY_PHANEDGE_TICKETS"),
        (None, "PHANEDGE_TICKETS", "app.conf.phanedge_tickets"),
        (None, "CELERY_PHANEDGE_TICKETS", "app.conf.phanedge_tickets"),
    ],
)
def test_a_name_that_celery_does_not_read_gives_a_hint_only(
    namespace: str | None, name: str, meant: str
) -> None:
    app = an_app(as_module({name: "redis://", "phanedge_api_key": "k"}), namespace)

    hints = list(doubts(app))

    assert settings_for(app).tickets is None
    assert len(hints) == 1
    assert hints[0].startswith(f"{name} is not read. Set {meant} ")


def test_no_hint_about_names_that_are_somebody_elses_or_are_used() -> None:
    keys = {"PHANEDGE_BUTTON": 1, "PHANEDGE_API_KEY": "k", "phanedge_api_key": "k"}

    assert list(doubts(an_app(as_module(keys)))) == []


spelled = st.sampled_from(["phanedge_{}", "CELERY_PHANEDGE_{}"])


@given(
    st.dictionaries(
        st.tuples(spelled, st.sampled_from(KEYS)), st.integers(), max_size=4
    ),
    st.dictionaries(st.sampled_from(KEYS), st.integers(), max_size=3),
    st.sampled_from([None, "CELERY"]),
    st.sampled_from([dict, as_module, as_class]),
)
def test_our_reading_agrees_with_app_conf(
    source: dict[tuple[str, str], int],
    changes: dict[str, int],
    namespace: str | None,
    kind: Any,
) -> None:
    names = {
        form.format(key.upper() if form.isupper() or "CELERY" in form else key): value
        for (form, key), value in source.items()
    }
    app = an_app(kind({"broker_url": "memory://", **names}), namespace)
    app.conf.update({f"phanedge_{key}": value for key, value in changes.items()})

    found = Found.now(app).values()

    conf: Any = app.conf
    assert found == {
        key: conf[f"phanedge_{key}"] for key in KEYS if f"phanedge_{key}" in conf
    }


DJANGO = """
import django.conf
from celery import Celery
from django.test import override_settings
from phanedge_celery.settings import missing_api_key, settings_for
from phanedge_celery.errors import ConfigurationError

django.conf.settings.configure(
    CELERY_PHANEDGE_API_KEY="k", CELERY_PHANEDGE_MAX_WAIT=60, PHANEDGE_TICKETS="redis:"
)
app = Celery("site", broker="memory://")
app.config_from_object("django.conf:settings", namespace="CELERY")
print(settings_for(app).max_wait, settings_for(app).tickets)
with override_settings(CELERY_PHANEDGE_MAX_WAIT=5):
    print(settings_for(app).max_wait)
print(settings_for(app).max_wait)
with override_settings(CELERY_PHANEDGE_MAX_WIAT=5):
    try:
        settings_for(app)
    except ConfigurationError as error:
        print(error)
with override_settings():
    del django.conf.settings.CELERY_PHANEDGE_API_KEY
    print(settings_for(app).api_key)
"""


def test_djangos_settings_count_at_the_moment_of_the_call() -> None:
    pytest.importorskip("django")
    ran = subprocess.run(
        [sys.executable, "-c", DJANGO], capture_output=True, text=True, timeout=60
    )

    assert ran.stderr == ""
    assert ran.stdout.splitlines() == [
        "60.0 None",
        "5.0",
        "60.0",
        "CELERY_PHANEDGE_MAX_WIAT: there is no such key; "
        "the nearest is CELERY_PHANEDGE_MAX_WAIT",
        "None",
    ]
