"""What the phanedge_* keys may be."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from celery import Celery
from hypothesis import given
from hypothesis import strategies as st

from phanedge_celery.errors import ConfigurationError
from phanedge_celery.schedule import PollSchedule
from phanedge_celery.settings import Settings, settings_for

OFFICIAL = "https://models.phanedge.cloud"
SECRET = "do-not-show-me"


def settings_of(**keys: Any) -> Settings:
    app = Celery("test", broker="memory://", set_as_current=False)
    app.conf.update({f"phanedge_{key}": value for key, value in keys.items()})
    return settings_for(app)


def complaint(**keys: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        settings_of(**keys)
    return str(caught.value)


def test_an_app_that_sets_nothing_gets_the_documented_defaults() -> None:
    settings = settings_of()

    assert settings.api_key is None
    assert settings.base_url == OFFICIAL
    assert settings.timeout == (5, 30)
    assert settings.max_wait == 1800
    assert settings.schedule == PollSchedule()
    assert settings.remember == timedelta(days=30).total_seconds()
    assert settings.max_bytes == 2 * 1024**3
    assert (settings.allow_http, settings.allow_private_hosts) == (False, False)
    assert (settings.tickets, settings.storage) == (None, None)
    assert (settings.watch_polls, settings.poll_rate) == (False, None)
    assert (settings.callback_url, settings.callback_secret) == (None, None)


@pytest.mark.parametrize("empty", [None, ""])
@pytest.mark.parametrize("key", list(Settings.model_fields))
def test_an_empty_value_is_as_good_as_none(key: str, empty: str | None) -> None:
    assert settings_of(**{key: empty}) == settings_of()


def test_settings_cannot_be_changed_behind_the_app() -> None:
    settings: Any = settings_of()

    with pytest.raises(ValueError, match="frozen"):
        settings.max_wait = 5


@pytest.mark.parametrize(
    ("base_url", "kept"),
    [
        (OFFICIAL, OFFICIAL),
        (f"{OFFICIAL}/", OFFICIAL),
        (f"{OFFICIAL}/minimaxi", OFFICIAL),
        (f"{OFFICIAL}/minimaxi/", OFFICIAL),
        (f"{OFFICIAL}/minimaxi/v1", OFFICIAL),
        (f"{OFFICIAL}/minimaxi/v1/", OFFICIAL),
        (f" {OFFICIAL}\n", OFFICIAL),
        ("HTTPS://Models.PhanEdge.cloud:8443", f"{OFFICIAL}:8443"),
        ("https://proxy.example/video/minimaxi/v1", "https://proxy.example/video"),
        ("https://proxy.example/v1", "https://proxy.example/v1"),
        ("http://localhost:8900", "http://localhost:8900"),
        ("http://127.0.0.1:8900/minimaxi/v1", "http://127.0.0.1:8900"),
        ("http://[::1]:8900", "http://[::1]:8900"),
    ],
)
def test_a_base_url_is_kept_without_the_path_that_the_client_adds(
    base_url: str, kept: str
) -> None:
    assert settings_of(base_url=base_url).base_url == kept


@pytest.mark.parametrize(
    "base_url",
    [
        "http://models.phanedge.cloud",
        "http://fake:8900",
        "http://localhost.example.com",
        "http://fake.localhost",
        "http://127.0.0.1.example.com",
        "http://10.0.0.1",
    ],
)
def test_plain_http_to_another_machine_must_be_allowed(base_url: str) -> None:
    assert "in the clear" in complaint(base_url=base_url)
    assert settings_of(base_url=base_url, allow_http=True).base_url == base_url


@pytest.mark.parametrize(
    "base_url",
    [
        "models.phanedge.cloud",
        "ftp://models.phanedge.cloud",
        "https://",
        "https:///minimaxi/v1",
        f"https://user:{SECRET}@models.phanedge.cloud",
        f"https://models.phanedge.cloud?token={SECRET}",
        f"https://models.phanedge.cloud/#{SECRET}",
        "https://models.phanedge.cloud /x",
        "https://models.phanedge.cloud/a\tb",
        "https://models.phanedge.cloud:port",
        "https://models.phanedge.cloud:99999",
        "https://[::1",
    ],
)
def test_a_base_url_that_cannot_be_one_is_refused(base_url: str) -> None:
    text = complaint(base_url=base_url)

    assert text.startswith("phanedge_base_url: ")
    assert SECRET not in text


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("api_key", 5),
        ("api_key", b"bytes"),
        ("api_key", "  "),
        ("api_key", "two words"),
        ("api_key", "line\nbreak"),
        ("api_key", "schlüssel"),
        ("allow_http", "false"),
        ("base_url", 5),
        ("timeout", 30),
        ("timeout", "5,30"),
        ("timeout", [5]),
        ("timeout", [5, 30, 60]),
        ("timeout", [5, 0]),
        ("timeout", [5, "30"]),
        ("timeout", [5, float("inf")]),
        ("max_wait", "1800"),
        ("max_wait", True),
        ("max_wait", 0),
        ("max_wait", float("nan")),
        ("max_wait", timedelta(seconds=-1)),
        ("schedule", [30, 10]),
        ("schedule", {"first": "30"}),
        ("schedule", {"first": True}),
        ("schedule", {"first": -1}),
        ("schedule", {"every": float("nan")}),
        ("tickets", 1),
        ("remember", "30 days"),
        ("storage", ["file:///srv"]),
        ("max_bytes", 0),
        ("max_bytes", 1.5),
        ("max_bytes", "2 GiB"),
        ("allow_private_hosts", 1),
        ("watch_polls", "yes"),
        ("poll_rate", 0),
        ("poll_rate", "5/s"),
        ("callback_secret", 5),
        ("metrics", 0),
        ("metrics", True),
        ("metrics", "localhost"),
        ("metrics", "0.0.0.0:99999"),
    ],
)
def test_a_value_of_a_wrong_kind_is_refused_by_the_name_of_its_key(
    key: str, value: object
) -> None:
    text = complaint(**{key: value})

    assert text.startswith(f"phanedge_{key}: ")
    assert f"app.conf.phanedge_{key}" in text


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (9808, ("", 9808)),
        ("9808", ("", 9808)),
        ("127.0.0.1:9808", ("127.0.0.1", 9808)),
        ("[::1]:9808", ("::1", 9808)),
    ],
)
def test_metrics_are_served_on_a_port_or_on_one_address(
    value: object, kept: tuple[str, int]
) -> None:
    assert settings_of(metrics=value).metrics == kept


def test_every_wrong_key_is_named_at_once() -> None:
    text = complaint(max_wait="long", max_bytes=-1)

    assert [line.partition(":")[0] for line in text.splitlines()] == [
        "phanedge_max_wait",
        "phanedge_max_bytes",
    ]


def test_durations_may_be_timedeltas_as_elsewhere_in_celery() -> None:
    settings = settings_of(max_wait=timedelta(minutes=5), remember=timedelta(days=7))

    assert (settings.max_wait, settings.remember) == (300, 604800)


def test_a_schedule_is_given_by_the_fields_that_differ() -> None:
    settings = settings_of(schedule={"first": 0.5, "every": 5})

    assert settings.schedule == PollSchedule(first=0.5, every=5)
    assert settings_of(schedule=PollSchedule(jitter=0)).schedule.jitter == 0


@pytest.mark.parametrize(
    ("name", "hint"),
    [("frist", "the nearest is first"), ("zzz", "there are first, every")],
)
def test_an_unknown_field_of_the_schedule_is_named_with_the_nearest(
    name: str, hint: str
) -> None:
    text = complaint(schedule={name: 1})

    assert f"has no field '{name}'" in text
    assert hint in text


def test_a_callback_needs_a_secret_to_sign_with() -> None:
    url = "https://shop.example/phanedge/"

    assert "needs phanedge_callback_secret" in complaint(callback_url=url)
    signed = settings_of(callback_url=url, callback_secret=SECRET)
    assert signed.callback_url == "https://shop.example/phanedge"


def test_no_secret_is_shown_by_repr_str_or_format() -> None:
    settings = settings_of(
        api_key=SECRET,
        callback_secret=SECRET,
        tickets=f"redis://:{SECRET}@localhost/0",
        storage=f"s3://key:{SECRET}@bucket",
    )

    assert SECRET not in f"{settings!r} {settings}"
    assert settings.api_key
    assert settings.api_key.get_secret_value() == SECRET


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("api_key", f"{SECRET} {SECRET}"),
        ("base_url", f"https://u:{SECRET}@x"),
        ("callback_secret", [SECRET]),
        ("callback_url", f"https://x?{SECRET}"),
        ("max_wait", SECRET),
        ("schedule", {"first": SECRET}),
        ("storage", [SECRET]),
        ("tickets", [SECRET]),
        ("timeout", [SECRET]),
    ],
)
def test_a_complaint_never_repeats_the_value(key: str, value: object) -> None:
    with pytest.raises(ConfigurationError) as caught:
        settings_of(**{key: value})

    assert SECRET not in repr(caught.value)
    assert SECRET not in str(caught.value.__cause__)


@given(st.text(), st.booleans())
def test_whatever_the_address_the_answer_is_a_safe_one_or_a_complaint(
    address: str, allow: bool
) -> None:
    try:
        kept = settings_of(base_url=address, allow_http=allow).base_url
    except ConfigurationError:
        return

    assert kept.startswith(("https://", "http://"))
    assert not kept.endswith("/")
    assert settings_of(base_url=kept, allow_http=allow).base_url == kept
