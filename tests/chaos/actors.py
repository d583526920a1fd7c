"""Who takes part in a run: servers, proxies before them, workers, the service."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import redis
from celery import Celery

from phanedge_celery.testing import FakePhanEdge
from tests.apps.plain import environment
from tests.chaos.crew import Crew
from tests.chaos.plan import Pace
from tests.chaos.proxy import Proxy
from tests.servers import RabbitServer, RedisServer, Server
from tests.stacks import producer
from tests.workers import WorkerProcess

WORKERS = 2
CONCURRENCY = 4
SITE_QUEUE = "site"
OLD_KEY, NEW_KEY = "the-old-key-of-chaos", "the-new-key-of-chaos"
CONF: Final[Mapping[str, Any]] = {
    "task_routes": {
        "phanedge.*": {"queue": "phanedge"},
        "tests.*": {"queue": SITE_QUEUE},
    },
    "task_track_started": False,
    "worker_lost_wait": 0.2,
}
FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)


@dataclass(kw_only=True)
class Cast:
    """All who take part, for one run."""

    app: Celery
    """The web process's: it reaches the servers without a proxy."""
    fake: FakePhanEdge
    broker: RedisServer | RabbitServer
    broker_url: str
    broker_proxy: Proxy
    results_proxy: Proxy
    tickets_proxy: Proxy
    results: redis.Redis
    tickets: redis.Redis
    """Both are read past the package, which might be what is wrong."""
    crew: Crew
    hands: Executor
    """Threads that last as long as the run: a child of ours ends with the thread that
    has started it."""
    folder: Path

    @property
    def videos(self) -> Path:
        return self.folder / "videos"

    @property
    def record(self) -> Path:
        return self.folder / "record.jsonl"

    @property
    def key_file(self) -> Path:
        return self.folder / "key"

    @property
    def clock(self) -> Path:
        return self.folder / "clock"

    @property
    def switches(self) -> Path:
        return self.folder / "switches"

    @property
    def proxies(self) -> tuple[Proxy, ...]:
        return (self.broker_proxy, self.results_proxy, self.tickets_proxy)


@dataclass(frozen=True)
class Urls:
    """Where the servers are, for one who asks them."""

    broker: str
    results: str
    tickets: str

    def by(self, *proxies: Proxy) -> Urls:
        """Return the same, each by way of its proxy."""
        mine = (self.broker, self.results, self.tickets)
        return Urls(
            *(_by(proxy, url) for proxy, url in zip(proxies, mine, strict=True))
        )


def _by(proxy: Proxy, url: str) -> str:
    return url.replace(f":{urlsplit(url).port}", f":{proxy.port}", 1)


@contextmanager
def cast_for(
    broker: str, pace: Pace, seed: int, *, newer: bool = False, clocks: bool = False
) -> Iterator[Cast]:
    """Start everybody; with *newer*, one worker is of the next version."""
    with ExitStack() as stack:
        enter = stack.enter_context
        folder, hands = _folder(stack), enter(ThreadPoolExecutor(64))
        fake = enter(FakePhanEdge(seed=seed))
        fake.options(keys=[OLD_KEY])
        stores, through = enter(RedisServer()), _server(broker)
        _begin(stack, through)
        urls = Urls(through.url(), stores.url(0), stores.url(1))
        proxies = [enter(Proxy(p)) for p in (through.port, stores.port, stores.port)]
        crew = _crew(stack, fake, folder, pace, urls.by(*proxies), newer, clocks)
        web = _env(fake, folder, pace, urls)
        _start(stack, web, pool="threads", queues=[SITE_QUEUE])
        yield Cast(
            app=enter(producer(web)),
            fake=fake,
            broker=through,
            broker_url=urls.broker,
            broker_proxy=proxies[0],
            results_proxy=proxies[1],
            tickets_proxy=proxies[2],
            results=enter(_client(urls.results)),
            tickets=enter(_client(urls.tickets)),
            crew=Crew(crew, random.Random(f"{seed}/crew"), hands),
            hands=hands,
            folder=folder,
        )


def _folder(stack: ExitStack) -> Path:
    made = tempfile.TemporaryDirectory(prefix="phanedge-chaos-")
    folder = Path(stack.enter_context(made))
    for name in ("videos", "switches"):
        (folder / name).mkdir()
    (folder / "key").write_text(OLD_KEY)
    (folder / "clock").write_text("+0")
    return folder


def _begin(stack: ExitStack, server: Server) -> None:
    """Start a server, however slow a machine is that does other things, too."""
    stack.callback(server.close)
    try:
        server.start()
    except AssertionError:
        server.child.wait_for_log(server.ready, timeout=180)


def _server(broker: str) -> RedisServer | RabbitServer:
    return RedisServer() if broker == "redis" else RabbitServer()


def _client(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, decode_responses=True)


def _crew(
    stack: ExitStack,
    fake: FakePhanEdge,
    folder: Path,
    pace: Pace,
    urls: Urls,
    newer: bool,
    clocks: bool,
) -> list[WorkerProcess]:
    env = _env(fake, folder, pace, urls) | (_clock(folder) if clocks else {})
    ages: list[dict[str, str]] = [{}] * WORKERS
    ages[0] = {"CHAOS_NEWER": "1"} if newer else {}
    return [
        _start(stack, env | age, concurrency=CONCURRENCY, queues=["phanedge"])
        for age in ages
    ]


def _start(stack: ExitStack, env: Mapping[str, str], **options: Any) -> WorkerProcess:
    worker = WorkerProcess(env, module="tests.chaos.app", **options)
    # Killed, since nobody waits for what it would finish.
    stack.callback(worker.kill)
    return worker.start()


def _env(fake: FakePhanEdge, folder: Path, pace: Pace, urls: Urls) -> dict[str, str]:
    made = environment(
        broker=urls.broker,
        backend=urls.results,
        base_url=fake.url,
        schedule=pace.schedule,
        record=folder / "record.jsonl",
        phanedge_tickets=urls.tickets,
        phanedge_api_key=None,
        phanedge_storage=f"file://{folder}/videos",
        **CONF,
    )
    return made | {
        "PHANEDGE_TEST_WATCH": json.dumps(pace.watch),
        "PHANEDGE_API_KEY_FILE": str(folder / "key"),
        "CHAOS_SWITCHES": str(folder / "switches"),
    }


def _clock(folder: Path) -> dict[str, str]:
    assert FAKETIME, "no libfaketime here; to have it: apt-get install libfaketime"
    return {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(folder / "clock"),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
