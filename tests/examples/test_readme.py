"""The README's own code, run as it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery, shared_task
from celery.app import app_or_default

from phanedge_celery.testing import FakePhanEdge
from phanedge_celery.tickets import close_stores

README = Path(__file__).parents[2] / "README.md"
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)


@shared_task(name="readme.publish")
def publish(*_: Any) -> None:
    """What a reader's own task would be."""


@pytest.fixture
def names() -> Iterator[dict[str, Any]]:
    """What the README takes for granted: an app, a request, tasks of the reader's."""
    before = app_or_default()
    with FakePhanEdge() as fake:
        app = Celery("readme")
        app.conf.update(
            task_always_eager=True,
            task_store_eager_result=True,
            result_backend="cache+memory://",
            phanedge_api_key=fake.key,
            phanedge_base_url=fake.url,
            phanedge_schedule={"first": 0, "every": 0},
            phanedge_storage="memory://readme",
        )
        fake.add_job(job_id="106916112212032")
        yield {
            "app": app,
            "request": {"model": "MiniMax-Hailuo-02", "prompt": "A cat surfs."},
            "publish": publish,
            "publish_to_site": publish,
            "make_montage": publish,
            "job_ids": [fake.add_job(), fake.add_job()],
            "pk": 42,
            "key": fake.key,
        }
    close_stores()
    before.set_current()


def test_each_block_of_code_in_the_readme_runs(names: dict[str, Any]) -> None:
    key = names["key"]

    for block in BLOCKS:
        exec(compile(block, README.name, "exec"), names)
        names["app"].conf.phanedge_api_key = key

    assert len(BLOCKS) >= 5
    assert names["result"].get()["saved_to"].startswith("orders/42/")
