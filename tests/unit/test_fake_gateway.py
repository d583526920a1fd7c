"""What the fake's gateway lets in, what it refuses, and how much of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from phanedge_celery.testing import FakePhanEdge, samples
from phanedge_celery.testing.fixtures import fake as fake
from tests.caller import PATHS, Caller

IMAGE = "https://example.com/cat.png"
SUBJECT = [{"type": "character", "image": [IMAGE]}]


@pytest.fixture
def caller(fake: FakePhanEdge) -> Iterator[Caller]:
    with Caller(fake) as calling:
        yield calling


@pytest.mark.parametrize("on", PATHS)
@pytest.mark.parametrize("header", [None, "Bearer wrong", "Basic fake-key", "fake-key"])
def test_a_wrong_token_is_refused_on_every_route_of_the_gateway(
    fake: FakePhanEdge, caller: Caller, on: str, header: str | None
) -> None:
    answer = caller.call(on, headers={"Authorization": header})

    assert answer.status_code == 401
    assert answer.text == samples()["gateway_401"].render({})


def test_keys_change_while_jobs_are_in_flight(
    fake: FakePhanEdge, caller: Caller
) -> None:
    codes = []
    for keys in (["fake-key", "next"], ["next"], ["fake-key"]):
        fake.options(keys=keys)
        codes.append(caller.call("query").status_code)

    assert codes == [200, 401, 200]
    assert fake.key == "fake-key"


def test_the_log_keeps_the_token_and_all_else_that_was_sent(
    fake: FakePhanEdge, caller: Caller
) -> None:
    caller.create(external_task_id="ticket-1")
    caller.query("nobody")

    create, query = fake.requests

    assert (create.endpoint, create.method, create.status) == ("create", "POST", 200)
    assert create.json["external_task_id"] == "ticket-1"
    assert create.token == "fake-key"
    assert create.headers["content-type"] == "application/json"
    assert create.job_id == fake.job_id
    assert (query.path, query.query) == (PATHS["query"][1], {"task_id": "nobody"})
    assert (query.status, query.job_id) == (404, None)
    assert create.at <= query.at
    assert create.wall <= query.wall


def test_each_answer_of_the_gateway_has_a_request_id_of_its_own(
    fake: FakePhanEdge, caller: Caller
) -> None:
    ids = {caller.call("query").headers["X-Oneapi-Request-Id"] for _ in range(3)}

    assert len(ids) == 3


def test_the_rate_is_one_bucket_for_all_routes_that_time_refills(
    fake: FakePhanEdge, caller: Caller
) -> None:
    fake.options(per_minute=3)
    routes = ["create", "query", "retrieve", "content"]
    codes = [caller.call(on).status_code for on in routes]

    fake.elapse(20)

    assert codes == [200, 200, 200, 429]
    assert [caller.call("query").status_code for _ in "ab"] == [200, 429]


def test_each_key_has_a_bucket_of_its_own(fake: FakePhanEdge, caller: Caller) -> None:
    fake.options(per_minute=1, keys=["fake-key", "other"])
    caller.call("query")
    with Caller(fake, key="other") as other:
        assert other.call("query").status_code == 200
    assert caller.call("query").status_code == 429


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param({"model": "T2V-01", "prompt": "p"}, id="text"),
        pytest.param({"prompt": "p"}, id="no model"),
        pytest.param({"model": "new", "prompt": "p", "resolution": "4K"}, id="unknown"),
        pytest.param(
            {"model": "MiniMax-Hailuo-2.3-Fast", "first_frame_image": IMAGE}, id="frame"
        ),
        pytest.param(
            {"model": "MiniMax-Hailuo-02", "prompt": "p", "resolution": "1080"},
            id="short",
        ),
        pytest.param(
            {"model": "S2V-01", "prompt": "p", "subject_reference": SUBJECT},
            id="subject",
        ),
        pytest.param({"prompt": " " + "漢" * 2000}, id="2000 characters"),
    ],
)
def test_a_good_request_is_accepted(caller: Caller, request_: dict[str, Any]) -> None:
    answer = caller.call("create", json=request_)

    assert answer.json()["base_resp"]["status_code"] == 0


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        pytest.param([], "no JSON object", id="array"),
        pytest.param(
            {"model": "T2V-01"}, "prompt is required for text2video", id="none"
        ),
        pytest.param({"prompt": "p" * 2001}, "exceeds 2000", id="long"),
        pytest.param(
            {"prompt": "p", "duration": "6"}, "integer", id="duration as text"
        ),
        pytest.param({"prompt": 5}, "string", id="prompt as number"),
        pytest.param({"model": "S2V-01"}, "subject2video", id="subject alone"),
    ],
)
def test_the_gateway_refuses_a_malformed_request_under_400(
    fake: FakePhanEdge, caller: Caller, request_: Any, text: str
) -> None:
    answer = caller.call("create", json=request_)

    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_request"
    assert text in answer.json()["message"]
    assert fake.jobs == []


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        ({"model": "MiniMax-Hailuo-2.3", "resolution": "720P"}, "resolution"),
        (
            {"model": "MiniMax-Hailuo-2.3", "resolution": "1080P", "duration": 10},
            "duration",
        ),
        ({"model": "MiniMax-Hailuo-2.3", "duration": 7}, "duration"),
        ({"model": "MiniMax-Hailuo-2.3-Fast"}, "first_frame_image"),
        ({"model": "S2V-01", "first_frame_image": IMAGE}, "subject_reference"),
        ({"model": "S2V-01", "subject_reference": SUBJECT * 2}, "one item"),
        ({"model": "S2V-01", "subject_reference": [{"image": []}]}, "one image"),
    ],
)
def test_the_vendor_refuses_what_no_model_offers_under_2013(
    fake: FakePhanEdge, caller: Caller, request_: dict[str, Any], text: str
) -> None:
    told = caller.call("create", json={"prompt": "p", **request_}).json()

    assert told["base_resp"]["status_code"] == 2013
    assert text in told["base_resp"]["status_msg"]
    assert fake.jobs == []


def test_the_checks_can_be_switched_off(fake: FakePhanEdge, caller: Caller) -> None:
    fake.options(checks=False)

    assert caller.call("create", json={}).json()["base_resp"]["status_code"] == 0


@pytest.mark.parametrize("on", ["retrieve", "content"])
def test_a_file_is_found_by_its_id_alone_or_with_the_right_job(
    fake: FakePhanEdge, caller: Caller, on: str
) -> None:
    ids = {"none": None, "job": fake.job_id, "platform": fake.platform_id}
    codes = {
        name: caller.call(
            on, params={"file_id": fake.file_id, "task_id": task_id}
        ).status_code
        for name, task_id in ids.items()
    }

    fake.options(needs_task_id=True)

    assert codes == {"none": 200, "job": 200, "platform": 404}
    assert caller.call(on, params={"file_id": fake.file_id}).status_code == 404
    assert caller.call(on).status_code == 200


@pytest.mark.parametrize("on", ["retrieve", "content"])
def test_a_file_that_no_job_has_is_not_found(caller: Caller, on: str) -> None:
    asked = {"file_id": "1", "task_id": caller.fake.job_id}

    assert caller.call(on, params=asked).json()["code"] == "task_not_found"
    assert caller.call(on, params={}).status_code == 400


def test_a_query_without_an_id_is_refused(caller: Caller) -> None:
    assert caller.call("query", params={}).status_code == 400


@pytest.mark.parametrize(
    "path", ["/v1/video_generation", "/minimaxi/v1/minimaxi/v1/video_generation", "/"]
)
def test_a_path_that_is_not_routed_is_404_and_logged(
    fake: FakePhanEdge, caller: Caller, path: str
) -> None:
    answer = caller.session.post(fake.url + path, json={}, timeout=10)

    assert answer.status_code == 404
    assert [entry.endpoint for entry in fake.requests] == ["unknown"]


def test_the_health_of_the_fake_can_be_asked(
    fake: FakePhanEdge, caller: Caller
) -> None:
    answer = caller.session.get(f"{fake.url}/healthz", timeout=10)

    assert answer.json() == {"status": "ok"}
    assert fake.requests == []
