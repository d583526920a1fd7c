"""When what has come of a file counts as all of it."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phanedge_celery.moves import SAVE, save_next
from phanedge_celery.saving.wholeness import Read, breaks_off, shortfall
from phanedge_celery.testing import tiny_mp4
from phanedge_celery.tickets import Stage, Ticket

MP4 = tiny_mp4()
LONG = MP4 + struct.pack(">I4sQ", 1, b"free", 1016) + bytes(1000)


def of(content: bytes) -> Read:
    return lambda start, size: content[start : start + size]


@pytest.mark.parametrize(
    ("length", "size", "told", "lacks"),
    [
        (100, 100, 100, False),
        (99, 100, 100, True),
        (101, 100, 100, True),
        (100, 100, None, False),
        (99, 100, None, True),
        (99, 100, 99, True),
        (100, 100, 250, False),
        (100, None, 100, False),
        (99, None, 100, True),
        (101, None, 100, True),
        (100, None, None, False),
    ],
)
def test_the_host_decides_how_long_a_file_is_and_without_it_the_service(
    length: int, size: int | None, told: int | None, lacks: bool
) -> None:
    found = shortfall(length, size, told, of(bytes(length)))

    assert bool(found) is lacks


@pytest.mark.parametrize("content", [MP4, LONG], ids=["tiny", "with a long box"])
def test_an_mp4_cut_anywhere_in_a_box_is_noticed_without_any_length(
    content: bytes,
) -> None:
    whole = len(content)

    assert shortfall(whole, None, None, of(content)) is None
    for cut in (1, 100, 900):
        rest = content[:-cut]
        assert shortfall(len(rest), None, None, of(rest))
        assert shortfall(len(rest), len(rest), None, of(rest))


def test_an_mp4_is_not_doubted_where_host_and_service_agree() -> None:
    cut = LONG[:-10]

    assert shortfall(len(cut), len(cut), len(cut), of(cut)) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\x00\x00\x18ft",
        b"no video at all, and longer than one header",
        MP4 + b"junk",
        MP4 + bytes(8),
        MP4 + b"\x00\x00\x00\x03odd!",
        MP4 + struct.pack(">I4s", 0, b"mdat") + bytes(50),
    ],
    ids=["empty", "short", "other", "junk", "zeros", "odd", "to the end"],
)
def test_what_an_mp4_does_not_say_is_not_held_against_it(content: bytes) -> None:
    assert not breaks_off(of(content), len(content))


@given(st.binary(max_size=200))
def test_no_bytes_make_the_look_fail_or_run_on(content: bytes) -> None:
    reads = 0

    def counted(read: Read) -> Callable[[int, int], bytes]:
        def look(start: int, size: int) -> bytes:
            nonlocal reads
            reads += 1
            return read(start, size)

        return look

    breaks_off(counted(of(MP4 + content)), len(MP4) + len(content))

    assert reads < 200


def test_a_hand_over_to_saving_takes_no_download_url_along() -> None:
    ticket = Ticket(id="1", since=0, save_to="a.mp4", job_id="7", max_wait=60)
    video = {"file_id": "8", "download_url": "https://host/x?Signature=secret"}

    move = save_next(ticket, 1000, 1800, file_id="8", video=video)

    assert "secret" not in str(move)
    assert move.to == SAVE
    assert move.stage is Stage.SAVING
    assert move.args == ({"job_id": "7", "file_id": "8"},)
    assert move.changes["deadline"] == 1060
