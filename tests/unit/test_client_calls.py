"""What the client asks, and how its answers come back."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from phanedge_celery.answers import Trouble
from phanedge_celery.client import Client, client_for
from phanedge_celery.errors import (
    AuthenticationFailed,
    ConfigurationError,
    JobNotFound,
    RequestInvalid,
    UnexpectedAnswer,
)
from phanedge_celery.models import FileRecord, JobReport, Submission, VideoRequest
from phanedge_celery.settings import Settings
from phanedge_celery.testing import KEY, FakePhanEdge, Fault
from phanedge_celery.testing.fixtures import fake as fake
from tests.rawserver import RawServer, ok

CAT = VideoRequest(model="MiniMax-Hailuo-2.3", prompt="A cat surfs.")


def settings(url: str, **keys: Any) -> Settings:
    return Settings(**{"api_key": KEY, "base_url": url, "timeout": (5, 5)} | keys)


@pytest.fixture
def client(fake: FakePhanEdge) -> Iterator[Client]:
    client = Client(settings(fake.url))
    yield client
    client.close()


def test_a_job_goes_from_submission_to_file(fake: FakePhanEdge, client: Client) -> None:
    fake.script("Queueing", "Success")

    submission = client.submit(CAT)
    assert submission == Submission(job_id=fake.job_id, platform_id=fake.platform_id)
    first, last = (client.query(fake.job_id) for _ in range(2))
    assert isinstance(first, JobReport)
    assert isinstance(last, JobReport)
    assert (first.status.value, last.status.value) == ("Queueing", "Success")
    file = client.retrieve(last.file_id or "", last.job_id)
    assert isinstance(file, FileRecord)
    assert (file.file_id, file.bytes) == (fake.file_id, 2210)


def test_the_request_on_the_wire_is_the_callers(
    fake: FakePhanEdge, client: Client
) -> None:
    client.submit({"model": "m", "prompt": "Ein Bär", "seed": 7})

    [sent] = fake.requests
    assert sent.json == {"model": "m", "prompt": "Ein Bär", "seed": 7}
    assert sent.token == KEY
    assert sent.headers["content-type"] == "application/json"
    assert sent.headers["user-agent"].startswith("phanedge-celery")
    assert "cookie" not in sent.headers


def test_a_job_is_known_by_both_of_its_ids(fake: FakePhanEdge, client: Client) -> None:
    for job_id in (fake.job_id, fake.platform_id, int(fake.job_id)):
        report = client.query(job_id)

        assert isinstance(report, JobReport)
        assert report.job_id == fake.job_id


def test_the_file_is_asked_for_with_the_vendors_job_id(
    fake: FakePhanEdge, client: Client
) -> None:
    fake.options(needs_task_id=True)

    without, with_id = (
        client.retrieve(fake.file_id),
        client.retrieve(fake.file_id, fake.job_id),
    )

    assert isinstance(without, Trouble)
    assert isinstance(without.error, JobNotFound)
    assert isinstance(with_id, FileRecord)


@pytest.mark.parametrize("bad", ["", "../x", "1&file_id=2", "1\n", "x" * 10_240, None])
def test_an_id_that_could_steer_the_url_is_never_sent(
    fake: FakePhanEdge, client: Client, bad: Any
) -> None:
    with pytest.raises(RequestInvalid):
        client.query(bad)
    with pytest.raises(RequestInvalid):
        client.retrieve(bad)
    with pytest.raises(RequestInvalid):
        client.retrieve("1", bad or "")

    assert not fake.requests


def test_an_image_in_the_apps_storage_is_never_sent_by_its_name(
    fake: FakePhanEdge, client: Client
) -> None:
    request = VideoRequest(model="m", first_frame_image="storage:cat.png")

    with pytest.raises(RequestInvalid, match=r"storage:cat\.png"):
        client.submit(request)

    assert not fake.requests


def test_a_request_that_is_no_json_is_never_sent(
    fake: FakePhanEdge, client: Client
) -> None:
    with pytest.raises(RequestInvalid, match="no JSON"):
        client.submit({**CAT.wire(), "seed": float("nan")})

    assert not fake.requests


def test_a_large_image_read_from_storage_may_be_sent(
    fake: FakePhanEdge, client: Client
) -> None:
    frame = "data:image/png;base64," + "A" * 5_000_000
    wire = {**CAT.wire(), "first_frame_image": frame}

    assert isinstance(client.submit(wire), Submission)


ROOTS = ["", "/", "/minimaxi", "/minimaxi/v1", "/minimaxi/v1/"]


@pytest.mark.parametrize("root", ROOTS)
def test_the_path_is_never_doubled(fake: FakePhanEdge, root: str) -> None:
    client = Client(settings(fake.url + root))

    assert isinstance(client.query(fake.job_id), JobReport)
    assert fake.requests[-1].path == "/minimaxi/v1/query/video_generation"


def test_a_base_url_below_a_path_keeps_it() -> None:
    with RawServer() as server:
        server.treat_by(server.answers(ok(b'{"status": "Processing"}')))
        client = Client(settings(f"{server.url}/proxy/"))

        assert isinstance(client.query("1"), JobReport)
        assert server.requests[0].startswith(
            b"GET /proxy/minimaxi/v1/query/video_generation?task_id=1 HTTP"
        )
        client.close()


@pytest.mark.parametrize("where", ["{}/elsewhere", "http://[bad"])
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_of_a_call_is_not_followed(
    fake: FakePhanEdge, client: Client, status: int, where: str
) -> None:
    elsewhere = {"Location": where.format(fake.url)}
    fake.fault(Fault(status=status, headers=elsewhere), on=["create", "query"], times=2)

    created, queried = client.submit(CAT), client.query("1")

    assert isinstance(created, Trouble)
    assert isinstance(queried, Trouble)
    assert (created.kind, queried.kind) == ("ambiguous", "retry")
    assert queried.error.http_status == status
    assert [request.endpoint for request in fake.requests] == ["create", "query"]


def test_both_request_ids_come_back_with_an_error(
    fake: FakePhanEdge, client: Client
) -> None:
    headers = {"X-Oneapi-Request-Id": "one", "Trace-Id": "two"}
    fake.fault(Fault(status=503, headers=headers), on="query")

    trouble = client.query("1")

    assert isinstance(trouble, Trouble)
    assert (trouble.error.request_id, trouble.error.job_id) == ("one, two", "1")


@pytest.mark.parametrize("given", [{"retry_after": 7}, {"retry_after_date": 7}])
def test_retry_after_is_heard_in_seconds_and_as_a_date(
    fake: FakePhanEdge, client: Client, given: dict[str, Any]
) -> None:
    fake.play("gateway_429", on="query", **given)

    trouble = client.query("1")

    assert isinstance(trouble, Trouble)
    assert trouble.retry_after == pytest.approx(7, abs=1.5)


def test_a_missing_key_names_every_place_where_it_can_be_set(
    fake: FakePhanEdge,
) -> None:
    client = Client(settings(fake.url, api_key=None))

    with pytest.raises(ConfigurationError) as missing:
        client.query("1")

    for place in (
        "phanedge_api_key",
        "CELERY_PHANEDGE_API_KEY",
        "app.config['CELERY']",
        "PHANEDGE_API_KEY,",
        "PHANEDGE_API_KEY_FILE",
    ):
        assert place in missing.value.message
    assert not fake.requests


@pytest.mark.parametrize("key", ["a\nX-Y: z", "a b", "schlüssel", "a\x00", "令牌"])
def test_a_key_that_no_header_carries_is_never_sent(
    fake: FakePhanEdge, key: str
) -> None:
    unchecked = settings(fake.url)
    client = Client(unchecked.model_copy(update={"api_key": SecretStr(key)}))

    with pytest.raises(ConfigurationError, match="no HTTP header") as bad:
        client.submit(CAT)

    assert key not in str(bad.value)
    assert not fake.requests


def test_a_key_that_the_service_echoes_goes_no_further(fake: FakePhanEdge) -> None:
    key = "sk-AbCdEfGhIjKlMnOpQrStUvWx"
    client = Client(settings(fake.url, api_key=key))
    text = f"no such token: {key[3:]}"
    fake.fault(Fault(status=401, body={"error": {"message": text}}), on="query")

    trouble = client.query("1")

    assert isinstance(trouble, Trouble)
    assert isinstance(trouble.error, AuthenticationFailed)
    assert trouble.error.message.endswith("no such token: ***")


def test_neither_key_nor_signature_is_ever_logged(
    fake: FakePhanEdge, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client = Client(settings(fake.url))
    fake.script("Success")

    client.submit(CAT)
    report = client.query(fake.job_id)
    file = client.retrieve(fake.file_id, fake.job_id)
    assert isinstance(report, JobReport)
    assert isinstance(file, FileRecord)
    with client.open(file.download_url or "") as stream:
        list(stream)

    assert "phanedge.call GET /minimaxi/v1/query/video_generation: 200" in caplog.text
    assert KEY not in caplog.text
    assert "Signature" not in caplog.text
    assert KEY not in repr(client) + repr(client.__dict__)


def test_an_unknown_status_is_logged_once(
    fake: FakePhanEdge, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    fake.script("Reviewing", "Reviewing", "Resting", "Reviewing")

    for _ in range(4):
        client.query(fake.job_id)

    logged = [record.getMessage() for record in caplog.records]
    assert logged == [
        "phanedge.unknown_status 'Reviewing'",
        "phanedge.unknown_status 'Resting'",
    ]


def test_a_success_with_an_error_code_is_logged(
    fake: FakePhanEdge, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    odd = {"status": "Success", "base_resp": {"status_code": 1027, "status_msg": "?"}}
    fake.script(odd)

    assert isinstance(client.query(fake.job_id), JobReport)
    assert "phanedge.success_with_error ?" in caplog.text


def test_queries_share_a_connection_and_each_submission_has_its_own() -> None:
    processing, created = ok(b'{"status": "Processing"}'), ok(b'{"task_id": "1"}')
    with RawServer() as server:
        server.treat_by(server.answers(*[processing] * 9), server.answers(created))
        client = Client(settings(server.url))

        for _ in range(5):
            assert isinstance(client.query("1"), JobReport)
        assert server.connections == 1
        assert isinstance(client.submit(CAT), Submission)
        assert isinstance(client.query("1"), JobReport)
        assert server.connections == 2
        client.close()


def test_an_answer_of_two_mebibytes_is_not_read_to_its_end(
    fake: FakePhanEdge, client: Client
) -> None:
    fake.fault(Fault(pad=2 << 20), on=["query", "create"], times=2)

    queried, created = client.query(fake.job_id), client.submit(CAT)

    assert isinstance(queried, Trouble)
    assert isinstance(queried.error, UnexpectedAnswer)
    assert isinstance(created, Trouble)
    assert created.kind == "ambiguous"
    assert isinstance(client.query(fake.job_id), JobReport)


def test_one_process_has_one_client_for_the_same_settings(fake: FakePhanEdge) -> None:
    one, same = client_for(settings(fake.url)), client_for(settings(fake.url))
    other = client_for(settings(fake.url, api_key="another-key"))

    assert one is same
    assert one is not other


def test_a_forked_child_has_a_client_of_its_own(fake: FakePhanEdge) -> None:
    parents = client_for(settings(fake.url))
    parents.query(fake.job_id)
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        own = client_for(settings(fake.url))
        os.write(writing, b"other" if own is not parents else b"same")
        os._exit(0)
    os.waitpid(child, 0)

    assert os.read(reading, 9) == b"other"
    assert isinstance(parents.query(fake.job_id), JobReport)
    os.close(reading)
    os.close(writing)
