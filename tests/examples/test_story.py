"""What the Django site says of a job, as a table."""

from __future__ import annotations

import importlib.util
import sys
from typing import Any

import pytest

from phanedge_celery import errors
from phanedge_celery.tickets import Stage
from tests.sites import DJANGO


def load() -> Any:
    """Load the module from the site's folder, which is no package of ours."""
    name = "story_of_the_site"
    spec = importlib.util.spec_from_file_location(name, DJANGO / "videos" / "story.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


STORY = load()
UNKNOWN = {"stage": None, "status": None, "error": None, "bytes_total": None}
UNKNOWN |= {"bytes_done": None, "expected_seconds": None, "elapsed": None}
UNKNOWN |= {"expected_at_most": None}


def story(**progress: Any) -> Any:
    return STORY.Story({**UNKNOWN, **progress})


@pytest.mark.parametrize("stage", [None, *Stage])
def test_every_stage_has_words(stage: Stage | None) -> None:
    assert story(stage=stage).headline


@pytest.mark.parametrize(
    ("stage", "status", "now"),
    [
        (None, None, "Asked for"),
        ("queued", None, "Asked for"),
        ("submitting", None, "Asked for"),
        ("polling", None, "Accepted"),
        ("polling", "Preparing", "Accepted"),
        ("polling", "queueing", "Accepted"),
        ("polling", "Processing", "Rendering"),
        ("retrieving", "Success", "Saving"),
        ("saving", "Success", "Saving"),
        ("ending", "Success", "Saving"),
        ("done", "Success", "Ready"),
    ],
)
def test_one_step_is_now_those_before_are_past(
    stage: str | None, status: str | None, now: str
) -> None:
    steps = story(stage=stage, status=status).steps

    names = [name for name, _ in steps]
    places = [place for _, place in steps]
    at = names.index(now)
    assert places == ["past"] * at + ["now"] + ["to come"] * (len(steps) - at - 1)


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_says_what_to_do_next(name: str) -> None:
    told = story(stage="failed", error={"type": name, "message": ""})
    resumable = getattr(getattr(errors, name), "resumable", False)

    assert told.advice.endswith(".")
    if resumable:
        assert "o on" in told.advice


@pytest.mark.parametrize(
    ("known", "bar"),
    [
        ({}, None),
        ({"elapsed": 30, "expected_seconds": 120}, (30, 120)),
        ({"elapsed": 120, "expected_seconds": 120}, None),
        ({"elapsed": 500, "expected_seconds": 120}, None),
        ({"elapsed": 500, "bytes_total": 9, "bytes_done": 4}, (4, 9)),
        ({"bytes_total": 9}, (0, 9)),
    ],
)
def test_the_bar_claims_only_what_is_known(known: dict[str, Any], bar: Any) -> None:
    assert story(stage="polling", **known).bar == bar


@pytest.mark.parametrize(
    ("elapsed", "words"),
    [
        (None, "Just asked for."),
        (4.4, "4 s of typically 2 min."),
        (90, "1 min 30 s of typically 2 min."),
        (125, "2 min 05 s. That is longer than usual; it still runs."),
    ],
)
def test_the_time_is_told_with_what_is_usual(elapsed: float, words: str) -> None:
    assert story(elapsed=elapsed, expected_seconds=120).timing == words


def test_what_nine_of_ten_videos_take_is_not_called_long() -> None:
    patient = story(elapsed=125, expected_seconds=120, expected_at_most=180)

    assert patient.timing == "2 min 05 s of typically 2 min."
