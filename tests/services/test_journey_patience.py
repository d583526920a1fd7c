"""A key refused, a quota used up, a job not found: for less and for more than patience.

The worker reads its key from a file, and saves what it is told to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from phanedge_celery import resume_video
from phanedge_celery.testing import FakePhanEdge
from tests.apps.plain import environment
from tests.servers import RedisServer
from tests.services.journeys import Sent, submitted
from tests.stacks import QUICK, Stack, producer
from tests.workers import WorkerProcess

PATIENCE: Final = 6
OLD, NEW = "the-old-key-of-the-tests", "the-new-key-of-the-tests"
REFUSALS: Final[Mapping[str, str]] = {
    "gateway_401": "AuthenticationFailed",
    "query_auth_1004": "AuthenticationFailed",
    "gateway_401_quota": "QuotaExhausted",
    "gateway_404": "JobNotFound",
}
"""Q11, Q15 and Q16 of the contract, and what each amounts to."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("patience")


@pytest.fixture(scope="module")
def stack(redis_server: RedisServer, folder: Path) -> Iterator[Stack]:
    servers = redis_server.fresh()
    (folder / "key").write_text(OLD)
    with FakePhanEdge() as fake:
        fake.options(keys=(OLD,))
        env = environment(
            broker=servers.broker,
            backend=servers.backend,
            base_url=fake.url,
            schedule={**QUICK, "patience": PATIENCE},
            phanedge_api_key=None,
            phanedge_storage=f"file://{folder}/kept",
        ) | {"PHANEDGE_API_KEY_FILE": str(folder / "key")}
        worker = WorkerProcess(env, pool="threads", concurrency=6)
        with worker, producer(env) as app:
            yield Stack(
                name="patience",
                app=app,
                env=env,
                fake=fake,
                worker=worker,
                record=folder / "record",
            )


@pytest.fixture(scope="module")
def refused(stack: Stack) -> Mapping[str, Sent]:
    """Jobs that are refused for ever, by what they are told; all begun together."""
    return {
        told: submitted(stack, "Processing", told, save_to=f"{told}.mp4", max_wait=99)
        for told in REFUSALS
    }


@pytest.mark.parametrize("told", REFUSALS)
def test_three_refusals_within_patience_fail_no_job(stack: Stack, told: str) -> None:
    job = submitted(stack, "Processing", *[told] * 3, "Success")

    trouble = stack.trouble(job.result.id)

    assert trouble["type"] == REFUSALS[told]
    assert job.video()["job_id"]


@pytest.mark.parametrize("told", REFUSALS)
def test_refusals_for_longer_stop_and_resume_under_the_same_id_with_all_it_was_for(
    stack: Stack, refused: Mapping[str, Sent], folder: Path, told: str
) -> None:
    id = str(refused[told].result.id)
    before = stack.ended(id)
    job_id = before["job_id"]
    stack.fake.script("Processing", "Success", job=job_id)

    resumed = resume_video(id, app=stack.app)
    after = stack.ended(id)
    video = after["video"]

    assert before["error"]["type"] == REFUSALS[told]
    assert before["error"]["resumable"]
    assert before["elapsed"] >= PATIENCE
    assert resumed == {"resumed": "reopened", "canvas_told": True}
    assert (video["job_id"], video["saved_to"]) == (job_id, f"{told}.mp4")
    assert (folder / "kept" / video["saved_to"]).stat().st_size == video["bytes"]
    assert (after["state"], after["error"]) == ("SUCCESS", None)
    assert after["deadline"] > before["deadline"]
    assert stack.ticket(id).max_wait == 99
    assert (refused[told].posts, refused[told].jobs) == (1, 1)


def test_a_key_file_is_read_again_after_a_401(stack: Stack, folder: Path) -> None:
    job = submitted(stack, "Processing")
    job_id = stack.stage(job.result.id, "polling")["job_id"]
    stack.fake.options(keys=(NEW,))
    trouble = stack.trouble(job.result.id)
    stack.fake.script("Success", job=job_id)

    (folder / "key").write_text(NEW)

    assert trouble["type"] == "AuthenticationFailed"
    assert job.video()["job_id"] == job_id
