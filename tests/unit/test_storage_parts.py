"""The temporary file: one holder, the right bytes, nothing left behind."""

from __future__ import annotations

import hashlib
import itertools
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from phanedge_celery.storage import Entity, OtherEntity, PartBusy, hold
from phanedge_celery.storage.holding import ABANDONED
from phanedge_celery.storage.part import OVERLAP

CONTENT = os.urandom(3 * OVERLAP)
KNOWN = Entity(size=len(CONTENT), etag='"a"')


def begun(workplace: Path, length: int, key: str = "job") -> None:
    """Leave behind what an attempt that got so far leaves behind."""
    with hold(workplace, key) as part:
        part.begin(KNOWN)
        part.take(CONTENT[:length])


def test_a_part_is_found_again_and_continued(tmp_path: Path) -> None:
    begun(tmp_path, 2 * OVERLAP)

    with hold(tmp_path, "job") as part:
        start = part.continues_at
        part.go_on()
        part.take(CONTENT[start:])

        assert start == OVERLAP
        assert part.entity == KNOWN
        assert part.finish() == hashlib.sha256(CONTENT).hexdigest()
        assert part.path.read_bytes() == CONTENT


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    length=st.integers(0, len(CONTENT)),
    cuts=st.lists(st.integers(0, len(CONTENT)), max_size=5),
)
def test_however_the_bytes_come_the_file_and_its_digest_are_right(
    tmp_path: Path, length: int, cuts: list[int]
) -> None:
    begun(tmp_path, length)

    with hold(tmp_path, "job") as part:
        start = part.continues_at
        if start:
            part.go_on()
        else:
            part.begin(KNOWN)
        edges = sorted({start, len(CONTENT), *(c for c in cuts if c > start)})
        for left, right in itertools.pairwise(edges):
            part.take(CONTENT[left:right])

        assert part.length == len(CONTENT)
        assert part.finish() == hashlib.sha256(CONTENT).hexdigest()
        assert part.path.read_bytes() == CONTENT
        part.discard()


def test_bytes_that_do_not_continue_ours_are_noticed(tmp_path: Path) -> None:
    begun(tmp_path, 2 * OVERLAP)
    changed = bytearray(CONTENT)
    changed[OVERLAP + 100] ^= 1

    with hold(tmp_path, "job") as part:
        part.go_on()
        with pytest.raises(OtherEntity):
            part.take(bytes(changed[OVERLAP:]))


def test_little_more_than_nothing_is_begun_anew(tmp_path: Path) -> None:
    begun(tmp_path, OVERLAP)

    with hold(tmp_path, "job") as part:
        assert part.continues_at == 0


def test_a_part_of_unknown_size_is_begun_anew(tmp_path: Path) -> None:
    with hold(tmp_path, "job") as part:
        part.begin(Entity(etag='"a"'))
        part.take(CONTENT)

        assert part.continues_at == 0


@pytest.mark.parametrize(
    ("size", "etag", "same"),
    [
        (len(CONTENT), '"a"', True),
        (len(CONTENT), None, True),
        (len(CONTENT), '"b"', False),
        (len(CONTENT) + 1, '"a"', False),
        (None, '"a"', False),
    ],
)
def test_a_file_is_the_same_by_size_and_etag(
    size: int | None, etag: str | None, same: bool
) -> None:
    assert KNOWN.is_same(size, etag) is same


def test_a_part_has_one_holder(tmp_path: Path) -> None:
    with hold(tmp_path, "job"):
        with pytest.raises(PartBusy), hold(tmp_path, "job"):
            pass
        with hold(tmp_path, "another job"):
            pass

    with hold(tmp_path, "job"):
        pass


def test_a_part_that_is_discarded_leaves_nothing(tmp_path: Path) -> None:
    with hold(tmp_path / "deep" / "down", "job") as part:
        part.begin(KNOWN)
        part.take(CONTENT)
        part.finish()
        part.discard()

    assert list((tmp_path / "deep").iterdir()) == []


def test_a_whole_part_is_known_as_such_later(tmp_path: Path) -> None:
    with hold(tmp_path, "job") as part:
        part.begin(KNOWN)
        part.take(CONTENT)
        sha256 = part.finish()

    with hold(tmp_path, "job") as part:
        assert part.entity.sha256 == sha256


@pytest.mark.parametrize("text", ["", "{", "[]", '{"colour": "red"}'])
def test_a_note_that_cannot_be_read_is_as_good_as_none(
    tmp_path: Path, text: str
) -> None:
    begun(tmp_path, 2 * OVERLAP)
    for note in tmp_path.rglob("entity"):
        note.write_text(text)

    with hold(tmp_path, "job") as part:
        assert part.entity == Entity()
        assert part.continues_at == 0


def test_what_was_abandoned_is_swept_away_and_nothing_else(tmp_path: Path) -> None:
    begun(tmp_path, 10, key="old")
    begun(tmp_path, 10, key="young")
    old, young = sorted(tmp_path.iterdir(), key=lambda f: f.stat().st_mtime_ns)
    long_ago = old.stat().st_mtime - 2 * ABANDONED
    os.utime(old / "video", (long_ago, long_ago))

    with hold(tmp_path, "mine") as part:
        left = set(tmp_path.iterdir())

        assert left == {young, part.path.parent}


def test_a_link_put_in_our_way_is_not_followed(tmp_path: Path) -> None:
    begun(tmp_path, 10)
    (video,) = tmp_path.rglob("video")
    video.unlink()
    (tmp_path / "precious").write_bytes(b"precious")
    video.symlink_to(tmp_path / "precious")

    with pytest.raises(OSError), hold(tmp_path, "job"):
        pass

    assert (tmp_path / "precious").read_bytes() == b"precious"


def test_many_jobs_come_and_go_in_one_folder_without_meeting(tmp_path: Path) -> None:
    def save(job: str) -> str:
        with hold(tmp_path / "shared", job) as part:
            part.begin(KNOWN)
            part.take(CONTENT)
            sha256 = part.finish()
            part.discard()
        return sha256

    jobs = [str(number) for number in range(60)]
    with ThreadPoolExecutor(8) as threads:
        found = set(threads.map(save, jobs))

    assert found == {hashlib.sha256(CONTENT).hexdigest()}
    assert list(tmp_path.iterdir()) == []
