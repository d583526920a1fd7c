"""Which ticket store serves an app."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from celery import Celery

from phanedge_celery.errors import ConfigurationError
from phanedge_celery.tickets import close_stores, open_store, store_for, store_url
from phanedge_celery.tickets.memory import MemoryTickets
from phanedge_celery.tickets.redis.address import connect
from phanedge_celery.tickets.redis.store import RedisTickets
from phanedge_celery.tickets.sql.store import SqlTickets


@pytest.fixture(autouse=True)
def no_store_stays_open() -> Iterator[None]:
    yield
    close_stores()


@pytest.mark.parametrize(
    ("result_backend", "store"),
    [
        ("redis://h:1/2", "redis://h:1/2"),
        ("rediss://h/0?ssl_cert_reqs=required", "rediss://h/0?ssl_cert_reqs=required"),
        ("redis+socket:///run/r.sock", "redis+socket:///run/r.sock"),
        ("sentinel://a:1/0;sentinel://b:1/0", "sentinel://a:1/0;sentinel://b:1/0"),
        ("db+sqlite:///r.db", "db+sqlite:///r.db"),
        ("db+postgresql+psycopg://u:p@h/d", "db+postgresql+psycopg://u:p@h/d"),
        ("django-db", "django"),
        ("django_celery_results.backends.database:DatabaseBackend", "django"),
        ("cache+memory://", "memory://"),
        ("cache+memcached://h/", None),
        ("django-cache", None),
        ("file:///results", None),
        ("mongodb://h", None),
        ("rpc://", None),
        ("disabled://", None),
        ("redis", None),
        (None, None),
    ],
)
def test_a_result_backend_brings_its_store(
    result_backend: str | None, store: str | None
) -> None:
    assert store_url(result_backend) == store


@pytest.mark.parametrize(
    ("result_backend", "store"),
    [
        ("redis://h/0", "redis://h/0?prefix=a%3A&master_name=cats"),
        ("rediss://h/0?x=1", "rediss://h/0?x=1&prefix=a%3A&master_name=cats"),
        ("db+sqlite:///r.db", "db+sqlite:///r.db"),
    ],
)
def test_the_backends_key_prefix_is_honoured(result_backend: str, store: str) -> None:
    options = {"global_keyprefix": "a:", "master_name": "cats", "visibility_timeout": 9}

    assert store_url(result_backend, options) == store


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("redis://127.0.0.1:1/0", RedisTickets),
        ("rediss://127.0.0.1:1/0?ssl_cert_reqs=CERT_NONE", RedisTickets),
        ("redis+socket:///run/r.sock?virtual_host=3", RedisTickets),
        ("sentinel://127.0.0.1:1/0;sentinel://127.0.0.1:2/0", RedisTickets),
        ("sqlite:////nowhere/t.db", SqlTickets),
        ("db+postgresql+psycopg://u:p@127.0.0.1:1/d", SqlTickets),
        ("memory://", MemoryTickets),
    ],
)
def test_a_store_is_chosen_by_its_url_without_asking_it(url: str, kind: type) -> None:
    store = open_store(url)

    assert isinstance(store, kind)
    assert open_store(url) is store


def test_stores_in_memory_are_told_apart_by_name() -> None:
    assert open_store("memory://a") is open_store("memory://a")
    assert open_store("memory://a") is not open_store("memory://b")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mongodb://h/d", "no ticket store is called 'mongodb'"),
        ("dynamodb://@region", "dynamodb"),
        ("redis", "no ticket store is called 'redis'"),
        ("", "''"),
        ("sqlite://", "name a file"),
        ("db+sqlite:///:memory:", "name a file"),
        ("postgresql+nodriver://h/d", "nodriver"),
        ("postgresql+pg8000://h/d", "needs the driver 'pg8000'"),
    ],
)
def test_a_url_that_cannot_serve_is_refused_by_the_settings_name(
    url: str, said: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        open_store(url)

    assert str(caught.value).startswith("phanedge_tickets: ")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("url", "library", "extra"),
    [("redis://h", "redis", "redis"), ("sqlite:///t.db", "sqlalchemy", "sqlalchemy")],
)
def test_a_missing_library_is_named_with_its_extra(
    url: str, library: str, extra: str
) -> None:
    said = run(
        f"import sys; sys.modules[{library!r}] = None\n"
        "from phanedge_celery.errors import ConfigurationError\n"
        "from phanedge_celery.tickets import open_store\n"
        f"try: open_store({url!r})\n"
        "except ConfigurationError as error: print(error)"
    )

    wanted = f"{library} is not installed; pip install 'phanedge-celery[{extra}]'"
    assert said == f"phanedge_tickets: {wanted}\n"


def test_no_stores_library_is_loaded_unasked() -> None:
    said = run(
        "import sys, phanedge_celery\n"
        "phanedge_celery.tickets.open_store('memory://')\n"
        "print({'redis', 'sqlalchemy'} & set(sys.modules))"
    )

    assert said == "set()\n"


def app(**conf: Any) -> Celery:
    made = Celery("shop", set_as_current=False)
    made.conf.update(conf)
    return made


def test_an_app_gets_the_store_of_its_result_backend() -> None:
    options = {"global_keyprefix": "shop_"}
    backend = "redis://127.0.0.1:1/0"
    made = app(result_backend=backend, result_backend_transport_options=options)

    remembered = open_store(f"{backend}?prefix=shop_", remember=30 * 86_400)
    assert store_for(made) is remembered


def test_an_app_gets_the_store_that_it_names() -> None:
    made = app(
        result_backend="rpc://",
        phanedge_tickets="redis://127.0.0.1:1/5",
        phanedge_remember=60,
    )

    assert store_for(made) is open_store("redis://127.0.0.1:1/5", remember=60)


@pytest.mark.parametrize("backend", ["rpc://", "mongodb://u:s3cret@h", None])
def test_a_backend_without_a_store_asks_for_one(backend: str | None) -> None:
    with pytest.raises(ConfigurationError, match="phanedge_tickets") as caught:
        store_for(app(result_backend=backend))

    assert "s3cret" not in str(caught.value)


def test_eager_jobs_have_their_tickets_in_memory() -> None:
    backend = "redis://127.0.0.1:1/0"

    assert isinstance(store_for(app(result_backend=backend), eager=True), MemoryTickets)
    eager = app(result_backend=backend, task_always_eager=True)
    assert isinstance(store_for(eager), MemoryTickets)


@pytest.mark.parametrize(
    ("url", "prefix", "expected"),
    [
        (
            "redis://u:p@h:7/3?prefix=a:",
            "a:",
            {"host": "h", "port": 7, "db": 3, "username": "u", "password": "p"},
        ),
        (
            "rediss://h/0?ssl_cert_reqs=CERT_NONE&prefix=x",
            "x",
            {"host": "h", "ssl_cert_reqs": "none"},
        ),
        (
            "redis+socket:///run/r.sock?virtual_host=/3",
            "",
            {"path": "/run/r.sock", "db": 3},
        ),
    ],
)
def test_a_redis_url_is_read_as_celery_reads_it(
    url: str, prefix: str, expected: dict[str, Any]
) -> None:
    client, found = connect(url)

    known = client.connection_pool.connection_kwargs
    assert found == prefix
    assert {name: known.get(name) for name in expected} == expected


def run(script: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
