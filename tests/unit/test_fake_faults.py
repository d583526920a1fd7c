"""How the fake spoils an answer, for whom, and how often."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, IncompleteRead, RemoteDisconnected
from typing import Any

import pytest
import requests

from phanedge_celery.testing import KEY, FakePhanEdge, Fault
from phanedge_celery.testing.fixtures import fake as fake
from tests.caller import PATHS, REQUEST, Caller, raw


@pytest.fixture
def caller(fake: FakePhanEdge) -> Iterator[Caller]:
    with Caller(fake) as calling:
        yield calling


@pytest.fixture
def line(fake: FakePhanEdge) -> Iterator[HTTPConnection]:
    """A connection that hides nothing."""
    connection = HTTPConnection(fake.url.removeprefix("http://"), timeout=10)
    yield connection
    connection.close()


def post(line: HTTPConnection, body: str = json.dumps(REQUEST)) -> bytes:
    method, path = PATHS["create"]
    line.request(method, path, body, {"Authorization": f"Bearer {KEY}"})
    with line.getresponse() as response:
        return response.read()


@pytest.mark.parametrize("on", ["create", "query", "retrieve", "content", "file"])
def test_any_answer_can_be_put_in_the_place_of_any_other(
    fake: FakePhanEdge, caller: Caller, on: str
) -> None:
    fake.fault(Fault(status=418, body="tea", headers={"X-Pot": "short"}), on=on)

    spoilt, right = caller.call(on), caller.call(on)

    assert (spoilt.status_code, spoilt.text, spoilt.headers["X-Pot"]) == (
        418,
        "tea",
        "short",
    )
    assert right.status_code == 200


def test_json_may_carry_the_ids_of_the_job(fake: FakePhanEdge, caller: Caller) -> None:
    fake.fault(Fault(body={"task_id": "{job_id}", "file": "{file_id}"}), on="query")

    assert caller.query() == {"task_id": fake.job_id, "file": fake.file_id}


def test_a_fault_comes_as_often_as_asked_after_so_many_are_let_pass(
    fake: FakePhanEdge, caller: Caller
) -> None:
    fake.fault(Fault(status=500), on="query", times=2, skip=1)

    codes = [caller.call("query").status_code for _ in range(5)]

    assert codes == [200, 500, 500, 200, 200]


def test_a_fault_may_last_for_ever_until_it_is_cleared(
    fake: FakePhanEdge, caller: Caller
) -> None:
    fake.play("gateway_429", times=None)
    codes = [caller.call(on).status_code for on in ("create", "query", "query")]

    fake.clear_faults()

    assert codes == [429, 429, 429]
    assert caller.call("query").status_code == 200


def test_a_fault_may_end_with_a_time(fake: FakePhanEdge, caller: Caller) -> None:
    fake.fault(Fault(status=503), on="query", times=None, seconds=60)
    codes = [caller.call("query").status_code for _ in range(2)]

    fake.elapse(60)

    assert codes == [503, 503]
    assert caller.call("query").status_code == 200
    assert fake.faults() == []


@pytest.mark.parametrize("kind", ["job_id", "platform_id"])
def test_a_fault_may_be_for_one_job(
    fake: FakePhanEdge, caller: Caller, kind: str
) -> None:
    fake.add_job()
    mine = getattr(fake, kind)
    other = fake.add_job()
    fake.fault(Fault(status=500), on="query", job=mine)

    codes = [
        caller.call("query", params={"task_id": job}).status_code
        for job in (other, mine)
    ]

    assert codes == [200, 500]


def test_a_fault_may_be_for_one_prompt(fake: FakePhanEdge, caller: Caller) -> None:
    fake.fault(Fault(status=500), prompt="dragon")

    codes = [
        caller.call("create", json={"prompt": prompt}).status_code
        for prompt in ("a cat", "a dragon")
    ]

    assert codes == [200, 500]


def test_faults_are_played_in_the_order_of_their_queue(
    fake: FakePhanEdge, caller: Caller
) -> None:
    for code in (500, 502):
        fake.fault(Fault(status=code), on="query")

    assert [caller.call("query").status_code for _ in range(3)] == [500, 502, 200]


def test_retry_after_comes_in_seconds_or_as_a_date(
    fake: FakePhanEdge, caller: Caller
) -> None:
    fake.play("gateway_429", on="query", retry_after=7)
    fake.play("gateway_429", on="query", retry_after_date=90)

    seconds, date = (caller.call("query").headers["Retry-After"] for _ in range(2))

    assert seconds == "7"
    assert 85 < parsedate_to_datetime(date).timestamp() - time.time() <= 91


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        pytest.param(Fault(hang_up="reset"), ConnectionResetError, id="reset"),
        pytest.param(Fault(hang_up="unread"), ConnectionResetError, id="unread"),
        pytest.param(Fault(hang_up="close"), RemoteDisconnected, id="close"),
    ],
)
def test_a_connection_ends_without_an_answer_and_without_a_job(
    fake: FakePhanEdge, line: HTTPConnection, fault: Fault, problem: type[Exception]
) -> None:
    fake.fault(fault, on="create")

    with pytest.raises(problem) as caught:
        post(line)

    assert caught.type is problem
    assert fake.jobs == []
    assert [entry.status for entry in fake.requests] == [None]


def test_a_reset_before_reading_does_not_wait_for_the_body(
    fake: FakePhanEdge, line: HTTPConnection
) -> None:
    fake.fault(Fault(hang_up="unread"), on="create")
    line.timeout = 2
    line.putrequest(*PATHS["create"])
    line.putheader("Content-Length", "1000")
    line.endheaders()

    with pytest.raises(ConnectionResetError):
        line.getresponse()

    assert [entry.body for entry in fake.requests] == [""]


@pytest.mark.parametrize("how", ["reset", "close"])
def test_a_lost_answer_leaves_a_job_behind(
    fake: FakePhanEdge, line: HTTPConnection, caller: Caller, how: str
) -> None:
    fake.lose_answer(hang_up=how)

    with pytest.raises(ConnectionError):
        post(line)

    assert [post.job_id for post in fake.posts] == [fake.job_id]
    assert caller.query()["status"] == "Queueing"


def test_a_stale_connection_closes_after_a_whole_answer(
    fake: FakePhanEdge, line: HTTPConnection
) -> None:
    fake.fault(Fault(hang_up="stale"), on="create")

    assert json.loads(post(line))["task_id"] == fake.job_id
    with pytest.raises(ConnectionError):
        post(line)
    assert len(fake.posts) == 1


@pytest.mark.parametrize(
    ("cut", "arrives"),
    [(0, 0), (1, 1), (0.5, 40), (-1, 79), (-80, 0), (80, 80), (1000, 80)],
)
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_is_cut_where_asked(
    fake: FakePhanEdge, line: HTTPConnection, cut: float, arrives: int, *, chunked: bool
) -> None:
    fake.fault(Fault(body="x" * 80, cut=cut, chunked=chunked), on="create")

    if arrives == 80 and not chunked:
        assert post(line) == b"x" * 80
        return
    with pytest.raises(IncompleteRead) as caught:
        post(line)
    assert len(caught.value.partial) == arrives


def test_a_cut_may_end_in_a_reset(fake: FakePhanEdge, line: HTTPConnection) -> None:
    fake.fault(Fault(cut=0.5, hang_up="reset"), on="create")

    with pytest.raises((ConnectionResetError, IncompleteRead)):
        post(line)

    assert len(fake.jobs) == 1


def test_a_cut_answer_without_a_length_looks_whole(
    fake: FakePhanEdge, line: HTTPConnection
) -> None:
    fake.fault(Fault(body="x" * 80, cut=30, no_length=True), on="create")

    assert post(line) == b"x" * 30


def test_a_chunked_answer_is_whole_and_the_connection_goes_on(
    fake: FakePhanEdge, line: HTTPConnection
) -> None:
    fake.fault(Fault(chunked=True), on="create")

    assert [json.loads(post(line))["base_resp"]["status_code"] for _ in "ab"] == [0, 0]


def test_a_length_that_promises_too_much_leaves_the_reader_short(
    fake: FakePhanEdge, line: HTTPConnection
) -> None:
    fake.fault(Fault(body="x" * 80, length_off=5), on="create")

    with pytest.raises(IncompleteRead):
        post(line)


def test_a_length_that_promises_too_little_hides_the_rest(
    fake: FakePhanEdge, line: HTTPConnection
) -> None:
    fake.fault(Fault(body="x" * 80, length_off=-5), on="create")

    assert post(line) == b"x" * 75


def test_a_slow_answer_comes_late_but_right(fake: FakePhanEdge, caller: Caller) -> None:
    fake.fault(Fault(delay=0.2), on="create")
    began = time.monotonic()

    told = caller.create()

    assert time.monotonic() - began >= 0.2
    assert told["task_id"] == fake.job_id


def test_a_slow_answer_makes_its_job_before_the_caller_gives_up(
    fake: FakePhanEdge, caller: Caller
) -> None:
    fake.fault(Fault(delay=30), on="create")

    with pytest.raises(requests.ReadTimeout):
        caller.call("create", timeout=0.1)

    assert len(fake.jobs) == 1


def test_a_dripping_answer_takes_its_time(fake: FakePhanEdge, caller: Caller) -> None:
    fake.fault(Fault(body="x" * 8, drip=(2, 0.05)), on="query")
    began = time.monotonic()

    assert caller.call("query").text == "x" * 8
    assert 0.15 <= time.monotonic() - began < 5


def test_an_answer_can_be_far_too_large(fake: FakePhanEdge, caller: Caller) -> None:
    fake.fault(Fault(pad=10_000_000), on="query")

    answer = caller.call("query")

    assert len(answer.content) > 10_000_000
    assert answer.json()["status"] == "Queueing"


def test_a_fault_that_replaces_an_answer_leaves_the_script_where_it_is(
    fake: FakePhanEdge, caller: Caller
) -> None:
    fake.script("Queueing", "Success")
    fake.play("gateway_404", times=3)

    codes = [caller.call("query").status_code for _ in range(3)]

    assert codes == [404, 404, 404]
    assert caller.statuses(2) == ["Queueing", "Success"]


def test_an_answer_can_be_replaced_after_the_work_was_done(
    fake: FakePhanEdge, caller: Caller
) -> None:
    fake.play("gateway_500_submit_failed", accepts=True)

    assert caller.call("create").status_code == 500
    assert len(fake.jobs) == 1


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"nonsense\r\n\r\n", id="no request line"),
        pytest.param(
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", id="chunks"
        ),
    ],
)
def test_what_is_no_http_is_refused(fake: FakePhanEdge, sent: bytes) -> None:
    assert raw(fake, sent).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"hang_up": "explode"}, ValueError),
        ({"sample": "no_such"}, LookupError),
        ({"colour": "red"}, TypeError),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_at_once(
    wrong: dict[str, Any], problem: type[Exception]
) -> None:
    with pytest.raises(problem):
        Fault(**wrong)


def test_a_fault_for_an_endpoint_that_is_none_is_refused(fake: FakePhanEdge) -> None:
    with pytest.raises(ValueError, match="delete"):
        fake.fault(Fault(status=500), on="delete")
