"""A connection that is dead without anybody having said so keeps no message back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from uuid import uuid4

import pytest
from celery import Celery

from phanedge_celery import enqueue_video
from phanedge_celery.tickets import store_for
from phanedge_celery.watch import starter
from tests.apps.plain import environment
from tests.chaos.proxy import Proxy
from tests.servers import RabbitServer
from tests.stacks import producer
from tests.workers import wait_for

REQUEST = {"model": "MiniMax-Hailuo-02", "prompt": "A cat surfs."}


@pytest.fixture
def proxy(rabbitmq_server: RabbitServer) -> Iterator[Proxy]:
    with Proxy(rabbitmq_server.port) as made:
        yield made


@pytest.fixture
def vhost(rabbitmq_server: RabbitServer) -> str:
    return rabbitmq_server.fresh_url().rpartition("/")[2]


@pytest.fixture
def app(vhost: str, proxy: Proxy) -> Iterator[Celery]:
    """An app whose broker is behind the proxy, with a connection that is kept."""
    env = environment(
        broker=f"amqp://guest:guest@127.0.0.1:{proxy.port}/{vhost}",
        backend="cache+memory://",
        base_url="http://127.0.0.1:1",
        phanedge_tickets=f"memory://{uuid4().hex}",
    )
    with producer(env) as made:
        yield made


def queued(server: RabbitServer, vhost: str, *, least: int) -> int:
    """Return how many messages the broker has, once it has that many.

    Each look is a slow command.
    """

    def ready() -> int:
        found = server.queues(vhost).get("celery")
        return found.ready if found else 0

    wait_for(lambda: ready() >= least, 60, what=lambda: str(server.queues(vhost)))
    return ready()


def test_what_went_into_a_dead_connection_is_sent_again_by_another(
    app: Celery, proxy: Proxy, rabbitmq_server: RabbitServer, vhost: str
) -> None:
    id = enqueue_video(REQUEST, app=app).id
    store = store_for(app)
    assert queued(rabbitmq_server, vhost, least=1) == 1
    proxy.half_open()
    store.touch(id, 1, time.time() - 3600)

    app.tasks["phanedge.watch"].apply().get()

    assert queued(rabbitmq_server, vhost, least=2) == 2


def test_the_watch_is_published_past_a_dead_connection(
    app: Celery, proxy: Proxy, rabbitmq_server: RabbitServer, vhost: str
) -> None:
    app.send_task("tests.other", (1,), ignore_result=True)
    assert queued(rabbitmq_server, vhost, least=1) == 1
    proxy.half_open()

    starter._publish(app, "a worker", 15)

    assert queued(rabbitmq_server, vhost, least=2) == 2
