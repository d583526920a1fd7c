"""Each hazard in a configuration: one app that has it, one that has not."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from typing import Any

import celery
import pytest
from celery import Celery
from kombu import Exchange, Queue

from phanedge_celery import doctor
from phanedge_celery.doctor import TABLE, Finding, findings, snapshot_of
from phanedge_celery.doctor.checking import CHECKS, check
from phanedge_celery.doctor.examining import summary
from phanedge_celery.doctor.finding import found
from phanedge_celery.doctor.snapshot import Snapshot, Step

REDIS = "redis://127.0.0.1:1/0"
OURS = {"phanedge.*": {"queue": "phanedge"}}
MARK = "sk-marked-0123456789"
SOUND: dict[str, Any] = {
    "broker_url": REDIS,
    "result_backend": REDIS,
    "task_routes": OURS,
    "phanedge_api_key": MARK,
}


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PHANEDGE_API_KEY", "PHANEDGE_API_KEY_FILE", "PHANEDGE_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def an_app(**conf: Any) -> Celery:
    app = Celery("test", set_as_current=False)
    app.conf.update({**SOUND, **conf})
    return app


_looked: dict[str, Snapshot] = {}


def look(conf: dict[str, Any]) -> Snapshot:
    """Return the snapshot of `an_app`, taken once."""
    name = repr(sorted(conf.items()))
    if name not in _looked:
        _looked[name] = snapshot_of(an_app(**conf))
    return _looked[name]


def codes(conf: dict[str, Any]) -> list[str]:
    return [each.code.removeprefix("phanedge.") for each in check(look(conf))]


def annotated(**changes: Any) -> dict[str, Any]:
    return {"task_annotations": {"phanedge.submit_video": changes}}


def quorum(**conf: Any) -> dict[str, Any]:
    return {"broker_url": "amqp://", "task_default_queue_type": "quorum", **conf}


def declared(exchange_type: str) -> list[Queue]:
    exchange = Exchange("phanedge", type=exchange_type)
    arguments = {"x-queue-type": "quorum"}
    return [Queue("phanedge", exchange, "phanedge", queue_arguments=arguments)]


def a_router(*_: Any, **__: Any) -> Any:
    raise RuntimeError("a mistake of the app's own")


PLAIN = "http://videos.example"
TRIPS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("E001", {"phanedge_max_wiat": 5}, {"phanedge_max_wait": 5}),
    ("E001", {"phanedge_max_wait": "5"}, {"phanedge_max_wait": timedelta(hours=1)}),
    ("W002", {"phanedge_api_key": None}, {}),
    (
        "W003",
        {"phanedge_base_url": PLAIN, "phanedge_allow_http": True},
        {"phanedge_base_url": "http://127.0.0.1:8900"},
    ),
    ("W004", {"PHANEDGE_STORAGE": "/srv"}, {"phanedge_storage": "/srv"}),
    ("E010", {"result_backend": None}, {"result_backend": "db+sqlite://"}),
    ("E010", {"result_backend": "rpc://"}, {"result_backend": "cache+memory://"}),
    ("E010", {"result_backend": "nonsense://"}, {}),
    ("E011", annotated(ignore_result=True), annotated(ignore_result=False)),
    ("E011", {"task_annotations": {"*": {"ignore_result": True}}}, {}),
    ("E011", annotated(ignore_result=True), {"task_ignore_result": True}),
    (
        "E012",
        {"result_backend": "file:///tmp"},
        {"result_backend": "file:///tmp", "phanedge_tickets": REDIS},
    ),
    ("E012", {"phanedge_tickets": "mongodb://h/x"}, {"phanedge_tickets": "memory://"}),
    (
        "W013",
        {"result_backend": "cache+memory://"},
        {"result_backend": "cache+memory://", "broker_url": "memory://"},
    ),
    ("W013", {"phanedge_tickets": "memory://"}, {"phanedge_tickets": REDIS}),
    ("W014", {"result_expires": 60}, {"result_expires": None}),
    ("W014", {"result_expires": timedelta(minutes=29)}, {"result_expires": 1800}),
    ("W014", {"phanedge_max_wait": 90_000}, {"phanedge_max_wait": 86_400}),
    ("E020", {"broker_url": "filesystem://"}, {"broker_url": "amqp://"}),
    ("E020", {"broker_write_url": "filesystem://"}, {"broker_write_url": REDIS}),
    ("E021", {"broker_url": "nonsense://"}, {"broker_url": "memory://"}),
    ("W022", {"task_routes": None}, {}),
    ("W022", {"task_routes": {"phanedge.poll_video": "celery"}}, {}),
    ("W022", {"task_routes": None}, {"task_routes": [a_router]}),
    ("W022", {"task_routes": [lambda *_, **__: None]}, {"task_routes": [OURS]}),
    (
        "W022",
        {"task_routes": {"phanedge.*": {"queue": Queue("celery")}}},
        {"task_routes": {"phanedge.*": {"queue": Queue("phanedge")}}},
    ),
    (
        "W023",
        {"broker_transport_options": {"visibility_timeout": 359}},
        {"broker_transport_options": {"visibility_timeout": 360}},
    ),
    (
        "W023",
        {
            "broker_transport_options": {"visibility_timeout": 1200},
            "phanedge_storage": "/srv/videos",
        },
        {"broker_transport_options": {"visibility_timeout": 1200}},
    ),
    (
        "W023",
        {"broker_transport_options": {"visibility_timeout": 10}},
        {
            "broker_transport_options": {"visibility_timeout": 10},
            "broker_url": "amqp://",
        },
    ),
    ("E024", quorum(), {"task_default_queue_type": "quorum"}),
    ("E024", quorum(), {"broker_url": "amqp://"}),
    (
        "E024",
        {"broker_url": "amqp://", "task_queues": declared("direct")},
        {"broker_url": "amqp://", "task_queues": declared("topic")},
    ),
    (
        "W025",
        {"worker_eta_task_limit": 10, "task_routes": None},
        {"worker_eta_task_limit": 10},
    ),
    ("W025", {"worker_eta_task_limit": 10, "task_routes": None}, {"task_routes": None}),
    ("W030", {"task_always_eager": True}, {}),
    ("W031", {"worker_pool": "gevent"}, {"worker_pool": "threads"}),
    (
        "W031",
        {"worker_pool": "eventlet"},
        {"worker_pool": "eventlet", "result_backend_thread_safe": True},
    ),
    (
        "W031",
        {"worker_pool": "gevent"},
        {"worker_pool": "gevent", "result_backend": "db+sqlite://"},
    ),
    ("W032", annotated(acks_late=False), annotated(acks_late=True)),
    ("W032", annotated(reject_on_worker_lost=False), annotated(rate_limit="9/s")),
    ("W032", annotated(time_limit=154), annotated(time_limit=155)),
    (
        "W032",
        {"task_annotations": {"*": {"soft_time_limit": 30}}},
        {"task_soft_time_limit": 30, "task_time_limit": 31},
    ),
    ("W040", {"accept_content": ["json", "pickle"]}, {"accept_content": ["json"]}),
    (
        "W040",
        {"accept_content": ["application/x-python-serialize"]},
        {"accept_content": ["application/json"]},
    ),
    ("W040", {"result_accept_content": ["pickle"]}, {"result_accept_content": None}),
    (
        "W041",
        {"phanedge_tickets": "redis://:swordfish-9@127.0.0.1:1/1"},
        {"phanedge_tickets": "redis://127.0.0.1:1/1"},
    ),
    (
        "W041",
        {"broker_read_url": "redis://u:swordfish-9@127.0.0.1:1/1"},
        {"broker_url": "redis://u:swordfish-9@127.0.0.1:1/1"},
    ),
    (
        "W041",
        {"task_annotations": {"tests.mine": {"priority": MARK}}},
        {"result_backend": "redis://:swordfish-9@127.0.0.1:1/1"},
    ),
    ("E050", {"phanedge_storage": "srv/videos"}, {"phanedge_storage": "/srv/videos"}),
    ("E050", {"phanedge_storage": "file://srv"}, {"phanedge_storage": "s3://b/videos"}),
]
if celery.VERSION >= (5, 7):
    # Celery's own report hides that address by now.
    TRIPS = [row for row in TRIPS if "broker_read_url" not in row[1]]

BY_VERSION = {"W026"}
"""Found by what is installed, so tried on a snapshot."""


@pytest.mark.parametrize(("code", "hazard", "sound"), TRIPS)
def test_a_hazard_is_found_where_it_is_and_only_there(
    code: str, hazard: dict[str, Any], sound: dict[str, Any]
) -> None:
    assert code in codes(hazard)
    assert code not in codes(sound)


def test_an_app_as_the_readme_has_it_is_sound() -> None:
    assert set(codes({})) <= BY_VERSION


def test_every_check_over_a_configuration_has_its_row_here() -> None:
    offline = {code.removeprefix("phanedge.") for code in TABLE if code[10:] < "100"}

    assert {code for code, _, _ in TRIPS} | BY_VERSION == offline


def test_a_snapshot_without_anything_is_sound_too() -> None:
    assert check(Snapshot()) == []
    assert MARK not in repr(look({}))


@pytest.mark.parametrize(
    ("broker", "celery", "kombu", "dies"),
    [
        ("redis", "5.7.0", "5.7.0", True),
        ("redis", "5.6.3", "5.7.0", True),
        ("redis", "5.6.3", "5.6.2", False),
        ("amqp", "5.7.0", "5.7.0", False),
    ],
)
def test_the_celery_that_dies_with_redis_is_named(
    broker: str, celery: str, kombu: str, dies: bool
) -> None:
    found = check(Snapshot(broker=broker, celery=celery, kombu=kombu))

    assert ["phanedge.W026"] * dies == [each.code for each in found]


def test_the_pool_of_a_running_worker_counts_more_than_the_setting() -> None:
    assert "phanedge.W031" in {each.code for each in findings(an_app(), pool="gevent")}


def test_a_finding_spells_a_setting_as_the_app_does() -> None:
    app = Celery("test", set_as_current=False)
    settings = {"CELERY_BROKER_URL": REDIS, "CELERY_RESULT_BACKEND": REDIS}
    app.config_from_object(settings, namespace="CELERY")

    assert {each.code: each.setting for each in findings(app)}["phanedge.W022"] == (
        'CELERY_TASK_ROUTES = {"phanedge.*": {"queue": "phanedge"}}'
    )
    assert codes_and_settings({"task_routes": None})["phanedge.W022"] == (
        'app.conf.task_routes = {"phanedge.*": {"queue": "phanedge"}}'
    )


def codes_and_settings(conf: dict[str, Any]) -> dict[str, str]:
    return {each.code: each.setting for each in check(look(conf))}


@pytest.mark.parametrize("conf", [hazard for _, hazard, _ in TRIPS])
def test_no_finding_shows_a_secret(conf: dict[str, Any]) -> None:
    told = repr([each.as_json() for each in check(look(conf))])

    assert MARK not in told
    assert "swordfish" not in told


@pytest.mark.parametrize("conf", [hazard for _, hazard, _ in TRIPS])
def test_every_finding_says_what_why_and_what_to_set(conf: dict[str, Any]) -> None:
    for each in check(look(conf)):
        assert re.fullmatch(r"phanedge\.[EW]\d{3}", each.code)
        assert each.severity == {"E": "error", "W": "warning"}[each.code[9]]
        assert each.what.endswith(".")
        assert each.why.endswith(".")
        assert each.setting
        assert "\n" not in each.what + each.why + each.setting


def test_looking_makes_no_queue_that_a_worker_would_take() -> None:
    app = an_app(broker_url="amqp://")
    findings(app)

    assert set(app.amqp.queues) == {"celery"}


def test_looking_at_an_app_takes_no_time_and_no_connection() -> None:
    app = an_app(broker_url="amqp://192.0.2.1//", result_backend="redis://192.0.2.1")
    findings(app)

    began = time.perf_counter()
    for _ in range(10):
        findings(app)

    assert (time.perf_counter() - began) / 10 < 0.05


def test_a_code_that_is_not_in_the_table_cannot_be_found() -> None:
    with pytest.raises(KeyError):
        found("E999", what="", why="", setting="")


def test_the_summary_counts_and_names() -> None:
    amiss = {"task_routes": None, "result_backend": None, "result_expires": 1}
    hazards = findings(an_app(broker_url="amqp://", **amiss))

    assert summary(hazards).startswith(
        "1 error, 2 warnings (phanedge.E010 phanedge.W014 phanedge.W022); "
    )


def test_no_code_is_used_by_two_checks() -> None:
    used: dict[str, set[str]] = {}
    for each in CHECKS:
        for _, hazard, _ in TRIPS:
            for finding in each(look(hazard)):
                used.setdefault(finding.code, set()).add(each.__name__)

    assert all(len(names) == 1 for names in used.values()), used


def test_what_others_import_is_there() -> None:
    assert set(doctor.__all__) <= set(dir(doctor))
    assert isinstance(findings(an_app(task_routes=None))[0], Finding)


def test_a_step_that_says_nothing_is_taken_for_sound() -> None:
    assert check(Snapshot(steps=(Step(name="phanedge.poll_video"),))) == []
