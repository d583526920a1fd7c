"""The command that saves, against a worker with a folder for files."""

from __future__ import annotations

from pathlib import Path

from phanedge_celery.cli.exits import Exit
from phanedge_celery.testing import FakePhanEdge
from phanedge_celery.testing.fixtures import fake
from tests.apps.plain import environment
from tests.commands import call
from tests.servers import FreshRedis
from tests.stacks import QUICK, producer
from tests.workers import WorkerProcess

__all__ = ["fake"]


def test_a_file_is_saved_with_its_job_after_it_or_by_the_vendors_id(
    fake: FakePhanEdge, fresh_redis: FreshRedis, tmp_path: Path
) -> None:
    env = environment(
        broker=fresh_redis.broker,
        backend=fresh_redis.backend,
        base_url=fake.url,
        schedule=QUICK,
        phanedge_api_key=fake.key,
        phanedge_storage=str(tmp_path),
    )
    request = ["--model", "MiniMax-Hailuo-02", "--prompt", "A cat surfs."]
    with producer(env) as app, WorkerProcess(env, pool="solo") as worker:
        first = call(app, "submit", *request, "--save-to", "with/{job_id}.mp4")
        job_id = fake.posts[-1].job_id
        id = first.err.split()[1]
        after = call(app, "save", id, "after.mp4", "--json")
        theirs = call(app, "save", str(job_id), "theirs.mp4", "--json")
        taken = call(app, "save", str(fake.add_job("Success")), "after.mp4")
        other = call(app, "save", str(fake.job_id), "after.mp4", "--overwrite", "-d")
        unknown = call(app, "save", "no-such-id", "a.mp4")
        worker.kill()

    assert first.code == Exit.OK
    assert f"saved_to      with/{job_id}.mp4" in first.out
    assert after.row["video"]["saved_to"] == "after.mp4"
    assert after.row["id"] != id
    assert theirs.row["video"]["job_id"] == job_id
    assert taken.code == Exit.BAD_NEWS
    assert "StorageFailed" in taken.out
    assert (other.code, len(other.out.split())) == (Exit.OK, 1)
    assert unknown.code == Exit.UNKNOWN_ID
    whole = (tmp_path / f"with/{job_id}.mp4").read_bytes()
    assert (tmp_path / "theirs.mp4").read_bytes() == whole
