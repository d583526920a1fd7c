"""The fake as another process, and as a server that comes and goes."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from phanedge_celery.testing import FakePhanEdge, Fault, Recorded, RemoteFake
from phanedge_celery.testing.fixtures import fake as fake
from tests.caller import Caller


@pytest.fixture
def remote(fake: FakePhanEdge) -> RemoteFake:
    return RemoteFake(fake.url)


@pytest.fixture
def caller(fake: FakePhanEdge) -> Iterator[Caller]:
    with Caller(fake) as calling:
        yield calling


def test_what_is_ordered_from_afar_happens_here(
    fake: FakePhanEdge, remote: RemoteFake, caller: Caller
) -> None:
    remote.script("Reviewing", Fault(status=503), "query_fail")
    remote.play("gateway_429", on="query", retry_after=5)
    remote.options(keys=["fake-key", "next"])
    remote.files(size=5000)
    job = remote.add_job()

    codes = [caller.call("query").status_code for _ in range(4)]

    assert codes == [429, 200, 503, 200]
    assert job == fake.job_id == remote.job_id
    assert len(caller.file(remote.download_url()).content) == 5000


def test_what_is_read_from_afar_is_what_is_read_here(
    fake: FakePhanEdge, remote: RemoteFake, caller: Caller
) -> None:
    caller.create(external_task_id="ticket-1")
    caller.statuses(2)

    for name in ("requests", "posts", "jobs", "counts", "polls", "job_id", "file_id"):
        assert getattr(remote, name) == getattr(fake, name)
    for name in ("platform_id", "key", "callbacks"):
        assert getattr(remote, name) == getattr(fake, name)
    assert remote.posts_by("external_task_id") == {"ticket-1": 1}
    assert remote.polls_of(remote.job_id) == 2
    assert remote.sha256() == fake.sha256()
    assert remote.log("create") == fake.log("create")
    assert remote.faults() == fake.faults() == []


def test_orders_are_neither_logged_nor_refused_nor_spoilt(
    fake: FakePhanEdge, remote: RemoteFake
) -> None:
    fake.options(keys=[], per_minute=1)
    fake.fault(Fault(hang_up="reset"), times=None)

    assert remote.polls == 0
    assert fake.requests == []


def test_an_order_that_makes_no_sense_raises_here_as_there(
    fake: FakePhanEdge, remote: RemoteFake
) -> None:
    for controls in (fake, remote):
        with pytest.raises(LookupError, match="no job 1"):
            controls.script("Fail", job="1")
        with pytest.raises(TypeError, match="colour"):
            controls.options(colour="red")
        with pytest.raises(TimeoutError, match="0 of 1"):
            controls.wait_for("create", timeout=0.01)


def test_the_log_can_be_read_with_a_browser(fake: FakePhanEdge, caller: Caller) -> None:
    caller.create()

    answer = caller.session.get(f"{fake.url}/_fake/posts", timeout=10)

    assert [post["job_id"] for post in answer.json()["result"]] == [fake.job_id]


@pytest.mark.parametrize("path", ["no_such", "_desk", "__str__", "do", ""])
def test_only_orders_can_be_given(
    fake: FakePhanEdge, caller: Caller, path: str
) -> None:
    answer = caller.session.post(f"{fake.url}/_fake/{path}", json={}, timeout=10)

    assert answer.status_code == 400


def test_a_test_can_wait_for_a_request(
    fake: FakePhanEdge, remote: RemoteFake, caller: Caller
) -> None:
    fake.fault(Fault(delay=0.2), on="create")

    with ThreadPoolExecutor(1) as pool:
        pool.submit(caller.create)
        remote.wait_for("create")

        assert len(fake.jobs) == 1


def test_a_stopped_fake_refuses_and_comes_back_on_its_port_with_its_jobs() -> None:
    fake = FakePhanEdge().start()
    url, job = fake.url, fake.add_job()
    with Caller(fake) as caller:
        before = caller.query(job)["status"]
        fake.stop()
        with pytest.raises(requests.ConnectionError):
            caller.query(job)
        fake.start()
        after = caller.query(job)["status"]
    fake.stop()

    assert fake.url == url
    assert (before, after) == ("Queueing", "Processing")


def test_a_stop_leaves_no_thread_and_waits_for_no_slow_answer() -> None:
    before = set(threading.enumerate())
    fake = FakePhanEdge().start()
    with Caller(fake) as idle, Caller(fake) as slow, ThreadPoolExecutor(1) as pool:
        idle.query()
        fake.fault(Fault(delay=60), on="query")
        waiting = pool.submit(slow.query)
        fake.wait_for("query", 2)
        fake.stop()
        with pytest.raises(requests.ConnectionError):
            waiting.result(10)

    assert set(threading.enumerate()) <= before


def test_a_stop_twice_is_one_stop() -> None:
    with FakePhanEdge() as fake:
        fake.stop()
    fake.stop()


def test_many_callers_at_once_are_all_answered(fake: FakePhanEdge) -> None:
    def work() -> None:
        with Caller(fake) as caller:
            for _ in range(20):
                caller.create()

    threads = [threading.Thread(target=work) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert fake.counts == {"create": 200}
    assert len({job["job_id"] for job in fake.jobs}) == 200


def test_each_request_can_be_watched() -> None:
    seen: list[Recorded] = []
    with FakePhanEdge(watch=seen.append) as fake, Caller(fake) as caller:
        caller.create()

    assert [entry.endpoint for entry in seen] == ["create"]


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_the_process_says_where_it_listens_and_ends_cleanly(
    ending: signal.Signals,
) -> None:
    command = [sys.executable, "-m", "phanedge_celery.testing", "--port", "0"]
    command += ["--key", "mine", "--seconds", "60,60", "--verbose", "--file-size", "99"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        fake = RemoteFake(first.split("listens on ")[1].split(",")[0])
        job = fake.add_job()
        asked = {"Authorization": "Bearer mine"}
        path = f"/minimaxi/v1/query/video_generation?task_id={job}"
        told = requests.get(fake.url + path, headers=asked, timeout=10).json()
        process.send_signal(ending)
        killer = threading.Timer(10, process.kill)
        killer.start()
        rest = process.stdout.read()
        killer.cancel()

    assert told["status"] == "Queueing"
    assert (fake.url in first, first.strip().endswith("mine")) == (True, True)
    assert rest == f"GET {path.partition('?')[0]} {job}: 200\n"
    assert process.returncode == 0
