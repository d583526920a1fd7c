"""Names under which a file can be kept, and those that are refused at enqueue."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phanedge_celery import enqueue_video, follow_video
from phanedge_celery.errors import ConfigurationError, RequestInvalid
from phanedge_celery.storage import check_images, check_name, check_save_to, filled
from tests.apps.plain import environment, make_app

IDS = {"job_id": "106916112212032", "file_id": "176844028768320"}


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("a.mp4", "a.mp4"),
        ("orders/42.mp4", "orders/42.mp4"),
        ("{job_id}.mp4", "106916112212032.mp4"),
        ("{file_id}/{job_id}/x", "176844028768320/106916112212032/x"),
        ("Ünï/東京 1.mp4", "Ünï/東京 1.mp4"),
        ("a..b/...", "a..b/..."),
        ("x" * 255, "x" * 255),
    ],
)
def test_a_relative_name_is_kept_with_the_ids_put_in(name: str, kept: str) -> None:
    assert check_name(name) == name
    assert filled(name, **IDS) == kept


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "segment ''"),
        ("/a.mp4", "relative"),
        ("a\\b.mp4", "relative"),
        ("C:\\a.mp4", "relative"),
        ("../a.mp4", "segment '..'"),
        ("a/../b.mp4", "segment '..'"),
        ("a/..", "segment '..'"),
        ("a/./b", "segment '.'"),
        ("a//b", "segment ''"),
        ("a/", "segment ''"),
        ("a\0b", "control"),
        ("a\nb", "control"),
        ("a\x7fb", "control"),
        ("a\x85b", "control"),
        ("a\ud800b", "control"),
        ("x" * 256, "255 bytes"),
        ("é" * 128, "255 bytes"),
        ("/".join(["x" * 200] * 6), "1024 bytes"),
        ("{name}.mp4", "braces"),
        ("{job_id.mp4", "braces"),
        ("{job_id!r}", "braces"),
        ("{{job_id}}", "braces"),
        ("{}", "braces"),
        (".phanedge/a.mp4", "temporary"),
        (42, "text"),
        (b"a.mp4", "text"),
        (["a.mp4"], "text"),
    ],
)
def test_any_other_name_is_refused_with_its_reason(name: object, reason: str) -> None:
    with pytest.raises(RequestInvalid, match=reason.replace(".", r"\.")):
        check_name(name)


def test_a_name_that_an_id_makes_too_long_is_refused_when_the_id_is_known() -> None:
    name = check_name("x" * 240 + "{job_id}")

    with pytest.raises(RequestInvalid, match="255 bytes"):
        filled(name, job_id="1" * 16, file_id=None)


def test_a_place_without_its_id_is_refused() -> None:
    with pytest.raises(RequestInvalid, match="file_id"):
        filled("{file_id}.mp4", job_id="1", file_id=None)


@given(st.text(max_size=40))
def test_whatever_is_accepted_stays_below_the_root(name: str) -> None:
    try:
        kept = filled(name, **IDS)
    except RequestInvalid:
        return

    path = PurePosixPath("/root") / kept
    assert str(path) == f"/root/{kept}"
    assert ".." not in path.parts


def test_a_name_without_a_storage_is_a_mistake_in_the_settings() -> None:
    with pytest.raises(ConfigurationError, match=r"phanedge_storage.*file:///srv"):
        check_save_to("a.mp4", None)


def test_a_bad_name_is_told_before_a_missing_storage() -> None:
    with pytest.raises(RequestInvalid):
        check_save_to("../a.mp4", None)


def test_nothing_to_save_needs_no_storage() -> None:
    check_save_to(None, None)


@pytest.mark.parametrize("name", ["../cat.png", "/cat.png", "a//b.png"])
def test_a_bad_name_of_an_image_is_refused_without_a_look(name: str) -> None:
    with pytest.raises(RequestInvalid, match="storage:"):
        check_images({"first_frame_image": f"storage:{name}"}, "file:///srv")


def test_an_image_in_no_storage_is_a_mistake_in_the_settings() -> None:
    with pytest.raises(ConfigurationError, match="phanedge_storage"):
        check_images({"last_frame_image": "storage:cat.png"}, None)


def test_enqueue_and_follow_refuse_what_could_never_be_saved(tmp_path: Path) -> None:
    env = environment(
        broker="memory://",
        backend="cache+memory://",
        base_url="http://127.0.0.1:1",
        phanedge_storage=f"file://{tmp_path}",
    )
    request = {"model": "MiniMax-Hailuo-02", "prompt": "x"}
    app = make_app(env)

    with pytest.raises(RequestInvalid, match="save_to"):
        enqueue_video(request, save_to="../x.mp4", app=app)
    with pytest.raises(RequestInvalid, match="save_to"):
        follow_video("1", save_to="/x.mp4", app=app)
    with pytest.raises(RequestInvalid, match="storage:"):
        enqueue_video({**request, "first_frame_image": "storage:../x"}, app=app)
