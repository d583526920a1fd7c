"""The host of the fake's files, with everything that a download may meet."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from phanedge_celery.testing import FakePhanEdge, Fault, tiny_mp4
from phanedge_celery.testing.clips import Clip
from phanedge_celery.testing.fixtures import fake as fake
from tests.caller import Caller

LARGE = 200_000_000


@pytest.fixture
def caller(fake: FakePhanEdge) -> Iterator[Caller]:
    with Caller(fake) as calling:
        yield calling


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_the_url_that_retrieve_tells_gives_the_whole_file(
    fake: FakePhanEdge, caller: Caller
) -> None:
    told = caller.call("retrieve").json()["file"]

    got = caller.file(told["download_url"])

    assert sha256(got.content) == fake.sha256()
    assert len(got.content) == told["bytes"] == int(got.headers["Content-Length"])
    assert got.content.startswith(tiny_mp4())
    assert got.content[4:8] == b"ftyp"


def test_no_two_jobs_have_the_same_file(fake: FakePhanEdge, caller: Caller) -> None:
    contents = set()
    for _ in range(3):
        fake.add_job()
        contents.add(caller.file().content)

    assert len(contents) == 3


def test_a_large_file_is_made_while_it_is_sent(
    fake: FakePhanEdge, caller: Caller
) -> None:
    fake.files(size=LARGE)
    digest, size = hashlib.sha256(), 0

    with caller.file(stream=True) as got:
        for piece in got.iter_content(1 << 20):
            digest.update(piece)
            size += len(piece)

    assert (size, digest.hexdigest()) == (LARGE, fake.sha256())


def test_a_job_may_have_a_file_of_its_own_size(
    fake: FakePhanEdge, caller: Caller
) -> None:
    fake.add_job(size=5_000_000)

    assert len(caller.file().content) == 5_000_000
    assert caller.call("retrieve").json()["file"]["bytes"] == 5_000_000


def test_a_head_tells_the_size_alone(fake: FakePhanEdge, caller: Caller) -> None:
    fake.files(size=LARGE)

    told = caller.session.head(fake.download_url(), timeout=10)

    assert told.headers["Content-Length"] == str(LARGE)
    assert told.headers["Accept-Ranges"] == "bytes"


@given(
    size=st.integers(0, 300_000), first=st.integers(0, 300_000), length=st.integers(0)
)
def test_every_stretch_of_a_clip_is_that_part_of_the_whole(
    size: int, first: int, length: int
) -> None:
    clip = Clip("seed", size)
    whole = b"".join(clip.stretch().pieces(size))
    stretch = clip.stretch(min(first, size), min(first + length, size))

    part = b"".join(stretch.pieces(stretch.size))

    assert len(whole) == size
    assert part == whole[first : first + length]
    assert sha256(whole) == clip.sha256()


@pytest.mark.parametrize(
    ("asked", "shown", "start", "stop"),
    [
        ("bytes=0-99", "bytes 0-99/5000", 0, 100),
        ("bytes=100-", "bytes 100-4999/5000", 100, 5000),
        ("bytes=4999-9999", "bytes 4999-4999/5000", 4999, 5000),
        ("bytes=-10", "bytes 4990-4999/5000", 4990, 5000),
    ],
)
def test_a_range_is_that_part_of_the_file(
    fake: FakePhanEdge, caller: Caller, asked: str, shown: str, start: int, stop: int
) -> None:
    fake.files(size=5000)
    whole = caller.file().content

    part = caller.file(headers={"Range": asked})

    assert part.status_code == 206
    assert part.headers["Content-Range"] == shown
    assert part.content == whole[start:stop]


def test_a_range_past_the_end_cannot_be_had(fake: FakePhanEdge, caller: Caller) -> None:
    fake.files(size=5000)

    answer = caller.file(headers={"Range": "bytes=5000-"})

    assert (answer.status_code, answer.content) == (416, b"")
    assert answer.headers["Content-Range"] == "bytes */5000"


def test_a_range_of_another_edition_is_the_whole_new_file(
    fake: FakePhanEdge, caller: Caller
) -> None:
    first = caller.file()
    fake.change_file()

    asked = {"Range": "bytes=100-", "If-Range": first.headers["ETag"]}
    second = caller.file(headers=asked)

    assert second.status_code == 200
    assert second.headers["ETag"] != first.headers["ETag"]
    assert sha256(second.content) == fake.sha256() != sha256(first.content)
    assert len(second.content) == len(first.content)


def test_a_file_may_change_after_an_attempt(fake: FakePhanEdge, caller: Caller) -> None:
    fake.files(size=5000)
    fake.fault(Fault(cut=0.5, changes_file=True), on="file")
    url, before = fake.download_url(), fake.sha256()

    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        caller.file(url)

    assert sha256(caller.file(url).content) == fake.sha256() != before
    assert fake.log("file")[0].status == 200


def test_a_host_may_know_neither_ranges_nor_etags_nor_lengths(
    fake: FakePhanEdge, caller: Caller
) -> None:
    fake.files(ranges=False, etag=False, content_length=False)

    answer = caller.file(headers={"Range": "bytes=5-"})

    assert answer.status_code == 200
    assert not {"ETag", "Content-Length", "Accept-Ranges"} & set(answer.headers)
    assert sha256(answer.content) == fake.sha256()


@pytest.mark.parametrize(("cut", "arrives"), [(0, 0), (1, 1), (0.5, 2500), (-1, 4999)])
def test_a_file_without_a_length_is_cut_in_silence(
    fake: FakePhanEdge, caller: Caller, cut: float, arrives: int
) -> None:
    fake.files(size=5000, content_length=False)
    fake.fault(Fault(cut=cut), on="file")

    assert len(caller.file().content) == arrives


def test_a_url_expires_with_its_time(fake: FakePhanEdge, caller: Caller) -> None:
    fake.files(lifetime=3600)
    url = fake.download_url()
    before = caller.file(url).status_code

    fake.elapse(3601)

    assert before == 200
    assert caller.file(url).status_code == 403
    assert "AccessDenied" in caller.file(url).text
    assert caller.file(fake.download_url()).status_code == 200


def test_urls_expire_on_command_until_new_ones_are_told(
    fake: FakePhanEdge, caller: Caller
) -> None:
    old = caller.call("retrieve").json()["file"]["download_url"]

    fake.expire_urls()

    new = caller.call("retrieve").json()["file"]["download_url"]
    assert [caller.file(url).status_code for url in (old, new)] == [403, 200]


@pytest.mark.parametrize("query", ["", "?Expires=9e99", "?Expires=x&Signature=y"])
def test_a_url_that_was_never_told_is_refused(
    fake: FakePhanEdge, caller: Caller, query: str
) -> None:
    url = fake.download_url().partition("?")[0] + query

    assert caller.file(url).status_code == 403


def test_a_redirect_takes_so_many_hops(fake: FakePhanEdge, caller: Caller) -> None:
    fake.redirect(hops=3)

    answer = caller.file()

    assert [hop.status_code for hop in answer.history] == [302] * 3
    assert sha256(answer.content) == fake.sha256()


def test_a_redirect_may_never_end(fake: FakePhanEdge, caller: Caller) -> None:
    fake.redirect(hops=None)

    with pytest.raises(requests.TooManyRedirects):
        caller.file()


def test_a_redirect_may_lead_anywhere(fake: FakePhanEdge, caller: Caller) -> None:
    fake.redirect("http://169.254.169.254/latest/meta-data")

    answer = caller.file(allow_redirects=False)

    assert answer.headers["Location"] == "http://169.254.169.254/latest/meta-data"


def test_the_content_route_may_redirect_to_the_file_host(
    fake: FakePhanEdge, caller: Caller
) -> None:
    fake.files(host="localhost")
    fake.redirect("{download_url}", on="content")

    location = caller.call("content").headers["Location"]

    assert location.startswith("http://localhost:")
    assert caller.file(location).status_code == 200


def test_the_file_host_may_have_another_name_and_the_log_shows_what_it_got(
    fake: FakePhanEdge, caller: Caller
) -> None:
    fake.files(host="localhost")
    url = caller.call("retrieve").json()["file"]["download_url"]
    caller.file(url)
    caller.file(url, headers={"Authorization": "Bearer leaked"})

    clean, leaking = fake.log("file")

    assert clean.headers["host"].startswith("localhost:")
    assert (clean.token, leaking.token) == (None, "leaked")


def test_the_content_route_gives_the_bytes_by_name_without_ranges(
    fake: FakePhanEdge, caller: Caller
) -> None:
    answer = caller.call("content", headers={"Range": "bytes=5-"})

    assert (answer.status_code, sha256(answer.content)) == (200, fake.sha256())
    assert answer.headers["Content-Type"] == "video/mp4"
    assert "output_aigc.mp4" in answer.headers["Content-Disposition"]


def test_the_content_route_may_call_a_video_json(
    fake: FakePhanEdge, caller: Caller
) -> None:
    fake.fault(Fault(headers={"Content-Type": "application/json"}), on="content")

    answer = caller.call("content")

    assert answer.headers["Content-Type"] == "application/json"
    assert sha256(answer.content) == fake.sha256()


def test_a_length_may_promise_a_file_that_is_longer_than_it_is(
    fake: FakePhanEdge, caller: Caller
) -> None:
    fake.files(size=5_000_000)
    fake.fault(Fault(length_off=100), on="file")

    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        caller.file()


def test_a_file_drips(fake: FakePhanEdge, caller: Caller) -> None:
    fake.fault(Fault(drip=(1000, 0.01)), on="file")

    assert sha256(caller.file().content) == fake.sha256()
