"""Every block of Python in the documentation runs, top to bottom, page by page."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from celery import Celery, shared_task
from celery.app import app_or_default

from phanedge_celery.testing import FakePhanEdge
from phanedge_celery.tickets import close_stores
from tests.contrib.conftest import database, migrated
from tests.docs.pages import PAGES, ROOT, Block, blocks

__all__ = ["database", "migrated"]

REQUEST = {"model": "MiniMax-Hailuo-02", "prompt": "A cat surfs."}
JPEG = b"\xff\xd8\xff\xe0 a photograph"


@shared_task(name="docs.publish")
def publish(*_: Any) -> None:
    """What a reader's own task would be."""


@pytest.fixture
def names(tmp_path: Path, database: Path) -> Iterator[dict[str, Any]]:
    """What the pages take for granted: an app, a request, a job, tasks of the reader.

    Django stands ready, too. The app is eager, so that nothing is left running.
    """
    before = app_or_default()
    storage = tmp_path / "videos"
    (storage / "uploads").mkdir(parents=True)
    (storage / "uploads" / "cat.png").write_bytes(JPEG)
    with FakePhanEdge() as fake:
        app = Celery("docs")
        app.conf.update(
            broker_url="memory://",
            task_always_eager=True,
            result_backend="cache+memory://",
            phanedge_api_key=fake.key,
            phanedge_base_url=fake.url,
            phanedge_schedule={"first": 0, "every": 0},
            phanedge_storage=str(storage),
        )
        app.set_current()
        fake.add_job(job_id="106916112212032")
        yield {
            "app": app,
            "fake": fake,
            "base_url": fake.url,
            "key": fake.key,
            "pause": 0,
            "pk": 42,
            "request": REQUEST,
            "requests": [REQUEST, REQUEST],
            "job_ids": [fake.add_job(), fake.add_job()],
            "result": app.tasks["phanedge.poll_video"].delay(fake.add_job()),
            "publish": publish,
            "publish_to_site": publish,
            "make_montage": publish,
            "tell_somebody": publish,
        }
    close_stores()
    before.set_current()


def settled(names: dict[str, Any], storage: str) -> None:
    """Undo what a page has set: no reader's key, folder or schedule is here."""
    names["app"].conf.update(
        task_always_eager=True,
        phanedge_api_key=names["fake"].key,
        phanedge_schedule={"first": 0, "every": 0},
        phanedge_storage=storage,
    )


@pytest.mark.filterwarnings("ignore:task_always_eager has no effect")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_code_of_a_page_runs_as_it_stands(
    page: Path, names: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = names["app"].conf.phanedge_storage
    module = ModuleType(f"docs_{page.stem}")
    module.__dict__.update(names)
    monkeypatch.setitem(sys.modules, module.__name__, module)

    for block in blocks("python", page=page):
        if block.included or block.is_test:
            continue
        code = "\n" * block.line + block.text
        exec(compile(code, str(page), "exec"), module.__dict__)
        settled(names, storage)


@pytest.mark.parametrize(
    "block",
    [block for block in blocks("python") if block.is_test],
    ids=lambda block: block.where,
)
def test_a_page_with_tests_passes_them(block: Block, tmp_path: Path) -> None:
    file = tmp_path / "test_of_a_reader.py"
    file.write_text(block.text, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        str(file),
    ]

    ran = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=100,
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"{block.text.count('def test_')} passed" in ran.stdout


def test_what_is_included_is_an_example_that_is_tested() -> None:
    included = {block.included for block in blocks("python")} - {None}
    tested = "".join(f.read_text() for f in (ROOT / "tests").rglob("test_*.py"))

    assert included
    for path in included:
        assert path is not None
        assert path.startswith("examples/")
        assert Path(path).parts[1] in tested, f"no test runs {path}"


def test_every_block_says_what_language_it_is() -> None:
    assert not [block.where for block in blocks("")]
