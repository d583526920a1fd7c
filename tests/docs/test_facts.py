"""The tables of the documentation say what the code says."""

from __future__ import annotations

import logging
import re
from dataclasses import fields
from pathlib import Path

import pytest

import phanedge_celery
from docs import drawing, tables
from phanedge_celery import errors
from phanedge_celery.answers import codes
from phanedge_celery.cli.exits import Exit
from phanedge_celery.events import EVENTS
from phanedge_celery.moves import POLL, RETRIEVE, SAVE, SUBMIT
from phanedge_celery.results import unknown
from phanedge_celery.schedule import PollSchedule
from phanedge_celery.settings import Settings
from phanedge_celery.tickets import FOLLOWED_BY, Stage
from tests.docs.pages import DOCS, PAGES, ROOT, coded, table


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.stem)
def test_the_tables_made_of_code_are_current(page: Path) -> None:
    text = page.read_text(encoding="utf-8")

    assert text == tables.current(text), "run: python docs/tables.py"


def test_the_picture_of_the_stages_is_that_of_the_table() -> None:
    drawn = drawing.PICTURE.read_text(encoding="utf-8")

    assert drawn == drawing.picture(), "run: python docs/drawing.py"
    for before, row in FOLLOWED_BY.items():
        assert all(f"<title>{before} → {after}</title>" in drawn for after in row)


def test_every_event_of_the_log_is_said_somewhere() -> None:
    said = {event for call in tables.calls() for event in tables.named_by(call)}

    assert said == set(EVENTS)


def test_every_line_of_the_log_is_in_the_page() -> None:
    page = (DOCS / "logs.md").read_text(encoding="utf-8")
    written = set[str]()
    for file in ROOT.glob("phanedge_celery/**/*.py"):
        found = re.findall(r'log\.\w+\(\s*"(phanedge\.\w+)', file.read_text())
        written |= set(found)

    assert written
    assert not [line for line in written if f"`{line}`" not in page]


def test_every_level_in_the_page_of_logs_is_that_of_its_event() -> None:
    shown = {row[0]: row[1] for row in table("logs.md", "event |")}

    assert shown == {
        f"`phanedge.{event}`": logging.getLevelName(level)
        for event, (level, _) in EVENTS.items()
    }


def test_every_setting_has_its_row() -> None:
    named = [coded(row[0])[0] for row in table("settings.md", "key")]

    assert sorted(named) == sorted(f"phanedge_{name}" for name in Settings.model_fields)


def test_every_wait_has_its_row_with_its_default() -> None:
    rows = table("settings.md", "field of")
    shown = {
        name: float(value)
        for row in rows
        for name, value in zip(coded(row[0]), row[1].split(","), strict=True)
    }

    assert shown == {field.name: field.default for field in fields(PollSchedule)}


def test_every_error_has_its_row_and_says_whether_it_can_be_resumed() -> None:
    shown = {
        name: row[2] == "yes"
        for row in table("errors.md", "error")
        for name in coded(row[0])
    }

    assert shown == {
        name: getattr(errors, name).resumable
        for name in errors.__all__
        if name != "PhanEdgeError"
    }


def test_every_exit_code_has_its_row() -> None:
    rows = table("operations.md", "exit code")

    assert [int(row[0]) for row in rows] == [int(code) for code in Exit]


def test_every_key_of_the_progress_has_its_row() -> None:
    named = [name for row in table("api.md", "key") for name in coded(row[0])]

    assert sorted(named) == sorted(unknown("id", "PENDING", None))


def test_every_stage_has_its_row() -> None:
    rows = table("states.md", "Celery state")

    assert {name for row in rows for name in coded(row[1])} == {str(s) for s in Stage}


def test_every_task_has_its_row() -> None:
    named = [coded(row[0])[0] for row in table("canvases.md", "task")]

    assert named == [SUBMIT, POLL, RETRIEVE, SAVE]


def test_every_code_of_the_vendor_that_is_shown_is_known() -> None:
    shown = {
        int(code)
        for row in table("contract.md", "`base_resp.status_code`")
        for code in re.findall(r"\d+", row[0])
    }

    assert shown - {0} <= set(codes.VENDOR)


def test_every_public_name_is_in_some_page() -> None:
    told = "".join(page.read_text(encoding="utf-8") for page in PAGES)

    assert not [name for name in phanedge_celery.__all__ if name not in told]
