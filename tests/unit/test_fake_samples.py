"""Every sample of the contract can be played, with a job's ids in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest

from phanedge_celery.testing import FakePhanEdge, samples
from phanedge_celery.testing.fixtures import fake as fake
from tests.caller import Caller

PLAYED = [
    pytest.param(sample.name, on, id=f"{sample.name}-{on}")
    for sample in samples().values()
    for on in sample.on
]
HOLDERS = {"task_id", "platform_id", "file_id", "bytes", "created_at"}


@pytest.fixture
def caller(fake: FakePhanEdge) -> Iterator[Caller]:
    with Caller(fake) as calling:
        yield calling


def leaves(body: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(body, dict):
        for key, value in body.items():
            yield from leaves(value, f"{path}.{key}" if path else key)
    else:
        yield path, body


def replaceable(path: str) -> bool:
    key = path.rpartition(".")[2]
    return key in HOLDERS or key.endswith("url")


def test_the_index_names_every_sample_and_no_other() -> None:
    folder = files("phanedge_celery.testing") / "samples"
    kept = {entry.name for entry in folder.iterdir()} - {"README.md"}

    named = {
        f"{sample.name}.{'html' if sample.content_type == 'text/html' else 'json'}"
        for sample in samples().values()
    }

    assert named == kept
    assert len(kept) == 79


@pytest.mark.parametrize(("name", "on"), PLAYED)
def test_a_sample_is_played_under_its_status_with_its_keys_and_types(
    fake: FakePhanEdge, caller: Caller, name: str, on: str
) -> None:
    sample = samples()[name]
    fake.play(name, on=on)

    answer = caller.call(on)

    assert answer.status_code == sample.status
    assert answer.headers["Content-Type"].startswith(sample.content_type)
    if sample.content_type == "text/html":
        assert answer.text == sample.text
        return
    shown, told = dict(leaves(json.loads(sample.text))), dict(leaves(answer.json()))
    assert list(told) == list(shown)
    for path, value in shown.items():
        assert type(told[path]) is type(value)
        assert told[path] == value or replaceable(path)
        assert bool(told[path]) == bool(value)


@pytest.mark.parametrize(("name", "on"), PLAYED)
def test_a_sample_is_played_verbatim_when_asked(
    fake: FakePhanEdge, caller: Caller, name: str, on: str
) -> None:
    fake.play(name, on=on, verbatim=True)

    answer = caller.call(on)

    told = answer.text if name == "gateway_502" else answer.json()
    text = samples()[name].text
    assert told == (text if name == "gateway_502" else json.loads(text))


@pytest.mark.parametrize(
    "name", [name for name, sample in samples().items() if "query" in sample.on]
)
def test_a_sample_of_a_query_carries_the_ids_of_the_job_asked_for(
    fake: FakePhanEdge, caller: Caller, name: str
) -> None:
    fake.add_job()
    asked = fake.job_id
    file_id = fake.file_id
    fake.add_job()
    fake.play(name, on="query")

    answer = caller.call("query", params={"task_id": asked})

    if samples()[name].content_type == "application/json":
        told = dict(leaves(answer.json()))
        assert str(told.get("task_id") or asked) == asked
        assert str(told.get("file_id") or file_id) == file_id


@pytest.mark.parametrize(
    ("name", "kind"),
    [("create_ok", str), ("create_ok_plain", str), ("create_ok_int_id", int)],
)
def test_an_accepting_sample_makes_a_job_that_can_be_asked_for(
    fake: FakePhanEdge, caller: Caller, name: str, kind: type
) -> None:
    fake.play(name)

    told = caller.create()

    assert type(told["task_id"]) is kind
    assert str(told["task_id"]) == fake.job_id
    assert ("platform_id" in told) == (name != "create_ok_plain")
    assert caller.query(str(told["task_id"]))["status"] == "Queueing"


def test_an_old_deployment_puts_a_task_ulid_into_the_id(
    fake: FakePhanEdge, caller: Caller
) -> None:
    fake.play("create_ok_task_prefix")

    told = caller.create()["task_id"]

    assert told.startswith("task_")
    assert told[5:] == fake.platform_id.removeprefix("video_")
    assert caller.query(told)["task_id"] == fake.job_id


def test_a_created_job_whose_id_was_not_told_exists_all_the_same(
    fake: FakePhanEdge, caller: Caller
) -> None:
    fake.play("create_no_id")

    assert caller.create()["task_id"] == ""
    assert [post.job_id for post in fake.posts] == [fake.job_id]


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, sample in samples().items()
        if "create" in sample.on and not name.startswith(("create_ok", "create_no_id"))
    ],
)
def test_a_refusing_sample_makes_no_job(
    fake: FakePhanEdge, caller: Caller, name: str
) -> None:
    fake.play(name, on="create")

    caller.call("create")

    assert fake.jobs == []
    assert [post.job_id for post in fake.posts] == [None]


@pytest.mark.parametrize(
    "name", [name for name in samples() if name.startswith("retrieve_")]
)
def test_a_url_in_a_sample_leads_to_the_file_of_the_job(
    fake: FakePhanEdge, caller: Caller, name: str
) -> None:
    fake.play(name)

    told = caller.call("retrieve").json().get("file", {})

    for key in ("download_url", "backup_download_url"):
        if url := told.get(key):
            whole = url if "://" in url else f"http://{url}"
            assert caller.file(whole).status_code == 200
    assert ("://" in told.get("download_url", "")) == ("://" in samples()[name].text)


def test_an_unknown_sample_is_refused_when_it_is_queued(fake: FakePhanEdge) -> None:
    with pytest.raises(LookupError, match="query_sucess"):
        fake.play("query_sucess", on="query")
