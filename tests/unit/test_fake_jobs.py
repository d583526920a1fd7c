"""What the jobs of the fake tell, to whom, and when."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phanedge_celery.testing import FakePhanEdge, Fault, Timeline, fail
from phanedge_celery.testing.fixtures import fake as fake
from tests.caller import Caller


@pytest.fixture
def caller(fake: FakePhanEdge) -> Iterator[Caller]:
    with Caller(fake) as calling:
        yield calling


def test_a_created_job_is_told_of_by_its_id_and_its_platform_id(
    fake: FakePhanEdge, caller: Caller
) -> None:
    told = caller.create()

    assert told["task_id"].isdigit()
    assert 15 <= len(told["task_id"]) <= 18
    assert told["platform_id"].startswith("video_")
    assert len(told["platform_id"]) == 32
    by_either = {
        caller.query(told[key])["task_id"] for key in ("task_id", "platform_id")
    }
    assert by_either == {fake.job_id} == {told["task_id"]}


def test_a_script_is_told_poll_by_poll_and_its_last_word_stays(
    fake: FakePhanEdge, caller: Caller
) -> None:
    fake.script("Preparing", "FAIL ", "Reviewing")
    caller.create()

    assert caller.statuses(4) == ["Preparing", "FAIL ", "Reviewing", "Reviewing"]
    assert fake.polls == 4


def test_a_script_holds_for_a_job_that_the_fake_makes_up_itself(
    fake: FakePhanEdge, caller: Caller
) -> None:
    fake.script("Queueing", "Success")

    assert caller.statuses(2, fake.job_id) == ["Queueing", "Success"]
    assert caller.query()["file_id"] == fake.file_id


def test_a_script_holds_for_the_next_job_only_then_the_default_again(
    fake: FakePhanEdge, caller: Caller
) -> None:
    fake.script("Reviewing")
    first, second = caller.create()["task_id"], caller.create()["task_id"]

    assert caller.statuses(1, first) == ["Reviewing"]
    assert caller.statuses(3, second) == ["Queueing", "Processing", "Success"]


def test_a_script_may_hold_for_all_jobs_to_come(
    fake: FakePhanEdge, caller: Caller
) -> None:
    fake.script("Reviewing", times=None)

    jobs = [caller.create()["task_id"] for _ in range(3)]

    assert [caller.query(job)["status"] for job in jobs] == ["Reviewing"] * 3


def test_a_script_for_a_prompt_waits_for_that_prompt(
    fake: FakePhanEdge, caller: Caller
) -> None:
    fake.script("Preparing", times=None)
    fake.script("Reviewing", prompt="dragon")
    cat, dragon = (
        caller.create(prompt=f"A {it}.")["task_id"] for it in ("cat", "dragon")
    )

    assert caller.query(cat)["status"] == "Preparing"
    assert caller.query(dragon)["status"] == "Reviewing"


def test_a_script_for_one_job_begins_anew(fake: FakePhanEdge, caller: Caller) -> None:
    job, other = fake.add_job(), fake.add_job()
    caller.statuses(3, job)

    fake.script("Processing", "Fail", job=job)

    assert caller.statuses(2, job) == ["Processing", "Fail"]
    assert caller.query(other)["status"] == "Queueing"


def test_a_prompt_may_carry_its_script_itself(
    fake: FakePhanEdge, caller: Caller
) -> None:
    caller.create(prompt="A cat {fake: Queueing, query_fail_1027}")

    assert caller.query()["status"] == "Queueing"
    assert caller.query()["base_resp"]["status_code"] == 1027


def test_a_prompt_may_ask_to_be_refused(fake: FakePhanEdge, caller: Caller) -> None:
    told = caller.create(prompt="A cat {fake: create_rejected_1026}")

    assert told["base_resp"]["status_code"] == 1026
    assert fake.jobs == []


def test_steps_may_be_samples_keys_and_faults(
    fake: FakePhanEdge, caller: Caller
) -> None:
    fake.script(
        "query_rate_limited",
        {"status": "Processing", "base_resp": None},
        fail(5001, "render farm on fire", status="failed"),
        Fault(status=503, body="<html>"),
        {"status": "Success", "file_id": "", "video_url": "{download_url}"},
    )

    limited, bare, failed = (caller.query(fake.job_id) for _ in range(3))
    outage = caller.call("query")
    direct = caller.query()

    assert limited["base_resp"]["status_code"] == 1002
    assert "base_resp" not in bare
    assert failed["status"] == "failed"
    assert failed["base_resp"] == {
        "status_code": 5001,
        "status_msg": "render farm on fire",
    }
    assert (outage.status_code, outage.text) == (503, "<html>")
    assert direct["file_id"] == ""
    assert caller.file(direct["video_url"]).status_code == 200


def test_a_timeline_by_seconds_follows_the_clock_not_the_polls(
    fake: FakePhanEdge, caller: Caller
) -> None:
    fake.script(Timeline.seconds(queueing=100, processing=200, end="Failed"))
    caller.create()

    words = caller.statuses(2)
    for passed in (101, 198, 2):
        fake.elapse(passed)
        words += caller.statuses(1)

    assert words == ["Queueing", "Queueing", "Processing", "Processing", "Failed"]


def test_a_job_submitted_elsewhere_may_bring_its_own_ids(
    fake: FakePhanEdge, caller: Caller
) -> None:
    job = fake.add_job("Success", job_id="106916112212032", file_id="176844028768320")

    told = caller.query("106916112212032")

    assert job == "106916112212032"
    assert told["file_id"] == "176844028768320"
    assert fake.posts == []


def test_an_id_that_no_job_has_is_not_found(fake: FakePhanEdge, caller: Caller) -> None:
    answer = caller.call("query", params={"task_id": "115334141465231360"})

    assert answer.status_code == 404
    assert answer.json()["code"] == "upstream_not_found_or_no_permission"
    assert fake.polls == 1


def test_the_same_seed_gives_the_same_ids_and_no_seed_others() -> None:
    def ids(seed: int | None) -> list[str]:
        fake = FakePhanEdge(seed=seed)
        return [fake.add_job() for _ in range(5)] + [fake.file_id, fake.platform_id]

    assert ids(7) == ids(7)
    assert not set(ids(7)) & set(ids(8))
    assert not set(ids(None)) & set(ids(None))


def test_posts_are_counted_by_prompt_and_by_external_id(
    fake: FakePhanEdge, caller: Caller
) -> None:
    fake.play("gateway_503")
    for ticket in ("a", "a", "b"):
        caller.create(prompt=f"for {ticket}", external_task_id=ticket)

    assert fake.posts_by("external_task_id") == {"a": 2, "b": 1}
    assert fake.posts_by("prompt") == {"for a": 2, "for b": 1}
    assert [post.status for post in fake.posts] == [503, 200, 200]
    assert [post.job_id is None for post in fake.posts] == [True, False, False]


def test_polls_are_counted_for_each_job_whatever_was_answered(
    fake: FakePhanEdge, caller: Caller
) -> None:
    job, other = fake.add_job(), fake.add_job()
    fake.play("gateway_429", on="query", job=job)
    caller.query(job)
    caller.query(job)
    caller.query(other)

    assert (fake.polls_of(job), fake.polls_of(other), fake.polls) == (2, 1, 3)
    assert {told["job_id"]: told["polls"] for told in fake.jobs} == {job: 1, other: 1}


def test_a_reset_forgets_all_but_goes_on_serving(
    fake: FakePhanEdge, caller: Caller
) -> None:
    caller.create()
    fake.options(keys=["other"])
    fake.play("gateway_429", on="query", times=None)

    fake.reset()

    assert (fake.jobs, fake.requests, fake.faults(), fake.key) == (
        [],
        [],
        [],
        "fake-key",
    )
    assert caller.query()["status"] == "Queueing"


def test_a_misspelt_sample_is_no_status_word() -> None:
    with pytest.raises(LookupError, match="query_sucess"):
        Timeline.polls("Queueing", "query_sucess")


steps = st.one_of(
    st.sampled_from(["Queueing", "Success", "query_fail_1027", " odd "]),
    st.dictionaries(st.sampled_from(["status", "file_id"]), st.text(), min_size=1),
    st.builds(Fault, status=st.integers(200, 599), delay=st.floats(0, 9)),
    st.builds(Fault, cut=st.floats(-9, 9), drip=st.just((1, 0.5))),
)


@given(st.lists(steps, min_size=1))
def test_a_timeline_survives_json(told: list[str]) -> None:
    timeline = Timeline.polls(*told)

    assert Timeline.read(timeline.as_json()) == timeline


@given(
    spans=st.lists(st.integers(1, 1000), min_size=1, max_size=5),
    age=st.integers(0, 6000),
)
def test_a_timeline_by_seconds_tells_the_word_whose_span_holds_the_age(
    spans: list[int], age: int
) -> None:
    words = {f"word{n}": float(span) for n, span in enumerate(spans)}

    told = Timeline.seconds(end="Success", **words).step(99, age)

    passed = sum(sum(spans[: n + 1]) <= age for n in range(len(spans)))
    assert told == ([*(word.capitalize() for word in words), "Success"][passed])
