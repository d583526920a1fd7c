"""Frames that lie in the app's own storage."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from phanedge_celery.errors import RequestInvalid, StorageFailed
from phanedge_celery.models import VideoRequest, stored_images
from phanedge_celery.storage import Storage, open_storage, with_images
from phanedge_celery.storage.images import TOO_LARGE

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
JPEG = b"\xff\xd8\xff\xe0" + bytes(100)
WEBP = b"RIFF\x00\x00\x00\x00WEBPVP8 " + bytes(100)
BASE = {"model": "MiniMax-Hailuo-02", "prompt": "A cat surfs."}

Add = Callable[[str, bytes], None]


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return open_storage(f"file://{tmp_path}")


@pytest.fixture
def add(tmp_path: Path) -> Add:
    def add(name: str, content: bytes) -> None:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)

    return add


def wire(**fields: Any) -> dict[str, Any]:
    return VideoRequest.read({**BASE, **fields}).wire()


def content_of(url: str) -> bytes:
    return base64.b64decode(url.partition(",")[2])


@pytest.mark.parametrize(
    ("content", "kind"), [(PNG, "png"), (JPEG, "jpeg"), (WEBP, "webp")]
)
def test_an_image_becomes_a_data_url_by_its_first_bytes(
    storage: Storage, add: Add, content: bytes, kind: str
) -> None:
    add("uploads/cat.png", content)

    posted = with_images(wire(first_frame_image="storage:uploads/cat.png"), storage)

    assert posted["first_frame_image"].startswith(f"data:image/{kind};base64,")
    assert content_of(posted["first_frame_image"]) == content
    assert stored_images(posted) == []


def test_every_place_for_an_image_is_filled_and_all_else_left(
    storage: Storage, add: Add
) -> None:
    add("a.png", PNG)
    add("b.jpg", JPEG)
    add("c.webp", WEBP)
    asked = wire(
        first_frame_image="storage:a.png",
        last_frame_image="storage:b.jpg",
        subject_reference=[{"type": "character", "image": ["storage:c.webp"]}],
        duration=6,
    )

    posted = with_images(asked, storage)

    (subject,) = posted["subject_reference"]
    assert content_of(posted["first_frame_image"]) == PNG
    assert content_of(posted["last_frame_image"]) == JPEG
    assert content_of(subject["image"][0]) == WEBP
    assert subject["type"] == "character"
    assert posted["duration"] == 6
    assert set(posted) == set(asked)


def test_an_image_elsewhere_is_passed_on_as_it_is(storage: Storage) -> None:
    asked = wire(
        first_frame_image="https://example.com/a.png",
        last_frame_image="data:image/png;base64,aGk=",
    )

    assert with_images(asked, storage) == asked


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "no image"),
        (b"", "JPG, PNG or WebP"),
        (b"GIF89a" + bytes(100), "JPG, PNG or WebP"),
        (b"<svg/>", "JPG, PNG or WebP"),
        (PNG + bytes(TOO_LARGE), "less than 20 MB"),
    ],
)
def test_what_the_vendor_would_refuse_is_refused_before_anything_is_sent(
    storage: Storage, add: Add, content: bytes | None, said: str
) -> None:
    if content is not None:
        add("cat.png", content)

    with pytest.raises(RequestInvalid, match=rf"{said}.*|cat\.png.*{said}") as found:
        with_images(wire(first_frame_image="storage:cat.png"), storage)

    assert "cat.png" in str(found.value)


def test_an_image_just_under_the_limit_is_taken(storage: Storage, add: Add) -> None:
    add("cat.png", PNG + bytes(TOO_LARGE - len(PNG) - 1))

    posted = with_images(wire(first_frame_image="storage:cat.png"), storage)

    assert len(content_of(posted["first_frame_image"])) == TOO_LARGE - 1


@pytest.mark.parametrize("name", ["../secret.png", "/etc/passwd", "a//b"])
def test_no_image_comes_from_outside_the_storage(storage: Storage, name: str) -> None:
    with pytest.raises(RequestInvalid):
        with_images(wire(first_frame_image=f"storage:{name}"), storage)


def test_a_folder_is_no_image(storage: Storage, add: Add) -> None:
    add("cat.png/x", PNG)

    with pytest.raises(StorageFailed, match=r"cat\.png"):
        with_images(wire(first_frame_image="storage:cat.png"), storage)
