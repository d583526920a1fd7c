"""The fake as the vendor that calls back."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from typing import Any

import pytest

from phanedge_celery.testing import FakePhanEdge, Timeline, fail, samples
from phanedge_celery.testing.fixtures import fake as fake
from tests.caller import Caller


class Receiver(ThreadingHTTPServer):
    """Receives callbacks, and echoes the challenge unless told to say else."""

    daemon_threads = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.came: SimpleQueue[Any] = SimpleQueue()
        self.code, self.says = 200, "echo"
        self.url = f"http://127.0.0.1:{self.server_port}/hook?token=t"

    def next(self) -> Any:
        return self.came.get(timeout=10)


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.came.put({"path": self.path, **json.loads(sent)})
        self.send_response(self.server.code)
        self.end_headers()
        says = self.server.says
        self.wfile.write(sent if says == "echo" else says.encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the tests' output clean."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def caller(fake: FakePhanEdge) -> Iterator[Caller]:
    fake.options(callbacks=True)
    with Caller(fake) as calling:
        yield calling


def told(receiver: Receiver, count: int) -> list[str]:
    return [receiver.next()["status"] for _ in range(count)]


def test_a_create_sends_the_challenge_before_it_is_accepted(
    fake: FakePhanEdge, caller: Caller, receiver: Receiver
) -> None:
    created = caller.create(callback_url=receiver.url)

    came = receiver.next()
    assert came.keys() == {"path", "challenge"}
    assert came["path"] == "/hook?token=t"
    assert created["task_id"] == fake.job_id
    assert [called.status for called in fake.callbacks] == [200]


@pytest.mark.parametrize(
    ("code", "says"),
    [(200, "{}"), (200, "not JSON"), (200, '{"challenge": "other"}'), (500, "echo")],
)
def test_a_wrong_answer_to_the_challenge_refuses_the_create(
    fake: FakePhanEdge, caller: Caller, receiver: Receiver, code: int, says: str
) -> None:
    receiver.code, receiver.says = code, says

    created = caller.create(callback_url=receiver.url)

    sample = samples()["create_rejected_callback_2013"]
    assert created == json.loads(sample.text)
    assert fake.jobs == []


def test_a_receiver_out_of_reach_refuses_the_create(
    fake: FakePhanEdge, caller: Caller
) -> None:
    created = caller.create(callback_url="http://127.0.0.1:9/hook")

    assert "callback url" in created["base_resp"]["status_msg"]
    assert [called.status for called in fake.callbacks] == [None]


def test_without_the_option_nobody_is_called(
    fake: FakePhanEdge, caller: Caller, receiver: Receiver
) -> None:
    fake.options(callbacks=False)

    caller.create(callback_url=receiver.url)
    caller.statuses(3)

    assert fake.callbacks == []


def test_a_job_by_polls_calls_back_at_each_change(
    fake: FakePhanEdge, caller: Caller, receiver: Receiver
) -> None:
    fake.script("Queueing", "Processing", "Processing", "Success")
    caller.create(callback_url=receiver.url)
    receiver.next()

    caller.statuses(5)

    first, second = receiver.next(), receiver.next()
    assert (first["status"], second["status"]) == ("processing", "success")
    assert "file_id" not in first
    assert second["file_id"] == fake.file_id
    assert second["task_id"] == fake.job_id
    assert "platform_id" not in second


def test_a_job_by_seconds_calls_back_without_being_polled(
    fake: FakePhanEdge, caller: Caller, receiver: Receiver
) -> None:
    failing = fail(1027, "output new_sensitive")
    fake.script(Timeline.seconds(queueing=100, processing=100, end=failing))
    caller.create(callback_url=receiver.url)
    receiver.next()

    fake.elapse(100)
    first = receiver.next()
    fake.elapse(100)
    second = receiver.next()

    assert (first["status"], second["status"]) == ("processing", "failed")
    assert second["base_resp"] == failing["base_resp"]
    assert second["file_id"] == ""
    assert fake.polls == 0


def test_callbacks_may_come_twice_late_and_in_capitals(
    fake: FakePhanEdge, caller: Caller, receiver: Receiver
) -> None:
    fake.options(callback_copies=2, callback_late=True, callback_capital=True)
    fake.script("Processing", "Success")
    caller.create(callback_url=receiver.url)
    receiver.next()

    caller.statuses(2)

    assert told(receiver, 4) == ["Success", "Success", "Processing", "Processing"]


@pytest.mark.parametrize(
    "name", ["callback_processing", "callback_success_capital", "callback_failed"]
)
def test_any_callback_can_be_sent_at_once(
    fake: FakePhanEdge, receiver: Receiver, name: str
) -> None:
    called = fake.call_back(name, url=receiver.url)

    came = receiver.next()
    assert came["task_id"] == fake.job_id
    assert came["status"] == json.loads(samples()[name].text)["status"]
    assert (called.status, called.url) == (200, receiver.url)
    assert fake.callbacks == [called]


def test_a_callback_may_be_about_a_job_that_nobody_knows(
    fake: FakePhanEdge, caller: Caller, receiver: Receiver
) -> None:
    caller.create(callback_url=receiver.url)
    receiver.next()

    fake.call_back(body={"task_id": "1", "status": "success"})

    assert receiver.next()["task_id"] == "1"
