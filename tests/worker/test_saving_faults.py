"""Whatever happens on the way: the whole right file or nothing, and a clear error."""

from __future__ import annotations

import hashlib
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from phanedge_celery.errors import (
    ConfigurationError,
    DownloadFailed,
    FileUnavailable,
    JobNotFound,
    PhanEdgeError,
    RequestInvalid,
    StorageFailed,
)
from phanedge_celery.testing import FakePhanEdge, Fault
from tests.saver import Saver

SIZE = 400_000
NAME = "orders/42.mp4"

Prepare = Callable[[FakePhanEdge], None]


@pytest.fixture
def fake() -> Iterator[FakePhanEdge]:
    with FakePhanEdge(seed=5) as fake:
        fake.files(size=SIZE)
        yield fake


@pytest.fixture
def saver(fake: FakePhanEdge, tmp_path: Path) -> Saver:
    return Saver(fake, tmp_path / "kept")


def file(fault: Fault, times: int | None = 1) -> Prepare:
    return lambda fake: fake.fault(fault, on="file", times=times)


def both(*prepared: Prepare) -> Prepare:
    def prepare(fake: FakePhanEdge) -> None:
        for each in prepared:
            each(fake)

    return prepare


def host(**traits: Any) -> Prepare:
    return lambda fake: fake.files(**traits)


def size_unknown(fake: FakePhanEdge) -> None:
    fake.play("retrieve_size_unknown", on="retrieve", times=None)


PASSES = {
    "nothing goes wrong": file(Fault()),
    "no byte comes": file(Fault(cut=0)),
    "one byte comes": file(Fault(cut=1)),
    "half of it comes": file(Fault(cut=0.5)),
    "the last byte is missing": file(Fault(cut=-1)),
    "it is cut in six ways": both(
        *(file(Fault(cut=cut)) for cut in (0, 1, 0.3, 0.5, 0.9, -1))
    ),
    "reset at once": file(Fault(hang_up="reset")),
    "closed at once": file(Fault(hang_up="close")),
    "reset in the middle": file(Fault(cut=0.5, hang_up="reset")),
    "chunked, cut": file(Fault(chunked=True, cut=0.5)),
    "chunked": file(Fault(chunked=True), None),
    "no length, cut, but the service knows it": file(Fault(no_length=True, cut=0.5)),
    "no length, cut, and nobody knows it": both(
        size_unknown, file(Fault(no_length=True, cut=0.5))
    ),
    "no length, and nobody knows it": both(size_unknown, host(content_length=False)),
    "the length is too large": file(Fault(length_off=100)),
    "the length is too small": file(Fault(length_off=-100)),
    "the length is too small, and nobody knows it": both(
        size_unknown, file(Fault(length_off=-100))
    ),
    "it drips": file(Fault(drip=(SIZE // 20, 0.01))),
    "no ranges, cut": both(host(ranges=False), file(Fault(cut=0.5))),
    "no etag, cut": both(host(etag=False), file(Fault(cut=0.5))),
    "another file, cut": file(Fault(cut=0.5, changes_file=True)),
    "another file of the same size without etag, cut": both(
        host(etag=False), file(Fault(cut=0.5, changes_file=True))
    ),
    "another file without ranges, cut": both(
        host(ranges=False), file(Fault(cut=0.5, changes_file=True))
    ),
    "the file changes twice": both(
        file(Fault(cut=0.5, changes_file=True)),
        file(Fault(cut=0.7, changes_file=True)),
    ),
    "refused once": file(Fault(status=403)),
    "refused as gone": file(Fault(status=410)),
    "refused twice": file(Fault(status=403), 2),
    "refused in the middle": both(file(Fault(cut=0.5)), file(Fault(status=403))),
    "busy": file(Fault(status=429, retry_after=0.01), 3),
    "broken": file(Fault(status=503), 3),
    "an error page with 200": file(Fault(body="<html>busy</html>"), 2),
    "JSON with 200": file(Fault(sample="content_json_error_1004"), 2),
    "range not satisfiable": both(file(Fault(cut=0.5)), file(Fault(status=416))),
    "five redirects": lambda fake: fake.redirect(hops=5),
    "the service is busy": lambda fake: fake.play(
        "retrieve_error_1039", on="retrieve", times=3
    ),
    "no URL yet": lambda fake: fake.play("retrieve_url_empty", times=4),
    "a wrong type": host(content_type="application/json"),
}


@pytest.mark.parametrize("prepare", PASSES.values(), ids=PASSES.keys())
def test_trouble_that_passes_ends_in_the_whole_file(
    saver: Saver, fake: FakePhanEdge, prepare: Prepare
) -> None:
    known = saver.known
    prepare(fake)

    video = saver.saved(NAME, video=known)

    (content,) = saver.files().values()
    assert hashlib.sha256(content).hexdigest() == fake.sha256() == video.sha256
    assert list(saver.files()) == [NAME]
    assert video.saved_to == NAME
    assert video.bytes == len(content) == SIZE
    assert all(fault["left"] in (0, None) for fault in fake.faults())


def retrieve(sample: str) -> Prepare:
    return lambda fake: fake.play(sample, on="retrieve", times=None)


FAILS: dict[str, tuple[Prepare, type[PhanEdgeError], str]] = {
    "refused for ever": (file(Fault(status=403), None), DownloadFailed, "403"),
    "gone for ever": (file(Fault(status=404), None), DownloadFailed, "404"),
    "never whole, no ranges": (
        both(host(ranges=False), file(Fault(cut=0.5), None)),
        DownloadFailed,
        "broke off",
    ),
    "the length is always a lie": (
        file(Fault(length_off=100), None),
        DownloadFailed,
        "broke off",
    ),
    "always empty": (file(Fault(cut=0), None), DownloadFailed, "broke off"),
    "an error page for ever": (
        file(Fault(body="<html>busy</html>"), None),
        DownloadFailed,
        "page",
    ),
    "broken for ever": (file(Fault(status=503), None), DownloadFailed, "503"),
    "redirects for ever": (
        lambda fake: fake.redirect(hops=None),
        DownloadFailed,
        "redirects without end",
    ),
    "redirected to metadata": (
        lambda fake: fake.redirect("http://169.254.169.254/latest", hops=None),
        DownloadFailed,
        "private",
    ),
    "redirected into our network": (
        lambda fake: fake.redirect("https://10.0.0.1/x.mp4", hops=None),
        DownloadFailed,
        "private",
    ),
    "redirected to another protocol": (
        lambda fake: fake.redirect("file:///etc/passwd", hops=None),
        DownloadFailed,
        "http",
    ),
    "compressed for ever": (
        file(Fault(headers={"Content-Encoding": "gzip"}), None),
        DownloadFailed,
        "gzip",
    ),
    "not found": (retrieve("gateway_404_file"), JobNotFound, ""),
    "no URL and no content": (
        both(
            retrieve("retrieve_url_empty"),
            lambda fake: fake.play("gateway_404_no_url", on="content", times=None),
        ),
        FileUnavailable,
        "",
    ),
}


@pytest.mark.parametrize(("prepare", "error", "said"), FAILS.values(), ids=FAILS.keys())
def test_trouble_that_stays_ends_in_an_error_and_no_file(
    saver: Saver,
    fake: FakePhanEdge,
    prepare: Prepare,
    error: type[PhanEdgeError],
    said: str,
) -> None:
    known = saver.known
    prepare(fake)

    result = saver.save(NAME, video=known)

    assert isinstance(result.result, error)
    assert said in str(result.result)
    assert result.result.job_id == fake.job_id
    assert result.result.resumable
    assert saver.files() == {}
    assert fake.counts.get("file", 0) <= 45


def test_a_refused_url_is_asked_for_anew_in_the_same_attempt(
    saver: Saver, fake: FakePhanEdge
) -> None:
    known = saver.known
    fake.fault(Fault(status=403), on="file")

    refused = saver.save("a.mp4", video=known)
    smooth = saver.save("b.mp4", video=known)

    assert fake.counts == {"retrieve": 3, "file": 3}
    versions = [saver.ticket(result.id) for result in (refused, smooth)]
    assert len({ticket and ticket.version for ticket in versions}) == 1


def test_a_download_goes_on_where_it_broke_off(
    saver: Saver, fake: FakePhanEdge
) -> None:
    known = saver.known
    fake.fault(Fault(cut=0.5), on="file")

    saver.saved(video=known)

    first, second = fake.log("file")
    assert "range" not in first.headers
    start = int(second.headers["range"].removeprefix("bytes=").removesuffix("-"))
    assert 0 < SIZE // 2 - start <= 1 << 16
    assert second.status == 206


def test_a_download_may_break_off_often_as_long_as_it_gets_further(
    saver: Saver, fake: FakePhanEdge
) -> None:
    known = saver.known
    fake.files(size=4_000_000)
    fake.fault(Fault(cut=150_000), on="file", times=None)

    assert saver.saved(video=known).sha256 == fake.sha256()
    assert fake.counts["file"] > 30


@pytest.mark.parametrize(
    "prepare",
    [
        host(),
        host(content_length=False),
        file(Fault(chunked=True), None),
        file(Fault(length_off=-SIZE // 2), None),
    ],
    ids=["honest", "no length", "chunked", "a lie"],
)
def test_a_file_that_is_too_large_is_refused_whatever_its_length_says(
    fake: FakePhanEdge, tmp_path: Path, prepare: Prepare
) -> None:
    saver = Saver(fake, tmp_path, phanedge_max_bytes=SIZE // 2 - 1)
    known = saver.known
    prepare(fake)

    result = saver.save(video=known)

    assert isinstance(result.result, DownloadFailed)
    assert "phanedge_max_bytes" in str(result.result)
    assert saver.files() == {}


def test_no_token_goes_to_the_file_host(saver: Saver, fake: FakePhanEdge) -> None:
    fake.redirect(hops=2)

    saver.saved()

    assert [r.headers.get("authorization") for r in fake.log("file")] == [None] * 3


def no_url(fake: FakePhanEdge) -> None:
    fake.play("retrieve_url_empty", times=None)


GATEWAY = {
    "as it should": Fault(),
    "cut": Fault(cut=0.5),
    "cut without a length": Fault(cut=0.5, no_length=True),
    "labelled as JSON": Fault(headers={"Content-Type": "application/json"}),
    "JSON that says no": Fault(sample="content_json_error_1004"),
    "JSON that says where": Fault(sample="content_json_file_object"),
    "an error page": Fault(sample="gateway_502"),
    "the file host failed": Fault(sample="gateway_502_download_failed"),
}


@pytest.mark.parametrize("fault", GATEWAY.values(), ids=GATEWAY.keys())
def test_a_file_without_a_url_comes_through_the_gateway(
    saver: Saver, fake: FakePhanEdge, fault: Fault
) -> None:
    known = saver.known
    no_url(fake)
    fake.fault(fault, on="content")

    video = saver.saved(NAME, video=known)

    assert video.sha256 == fake.sha256()
    assert list(saver.files()) == [NAME]
    assert video.download_url is None
    assert fake.counts["content"] >= 1
    assert all(r.headers["authorization"] for r in fake.log("content"))


def test_a_gateway_that_sends_us_elsewhere_sends_us_without_its_token(
    fake: FakePhanEdge, tmp_path: Path
) -> None:
    saver = Saver(fake, tmp_path, phanedge_allow_private_hosts=True)
    known = saver.known
    fake.files(host="localhost")
    no_url(fake)
    fake.redirect("{download_url}", on="content")

    video = saver.saved(video=known)

    assert video.sha256 == fake.sha256()
    assert [r.headers.get("authorization") for r in fake.log("file")] == [None]


def test_the_same_file_again_is_a_success_without_a_second_copy(saver: Saver) -> None:
    first, second = saver.saved(), saver.saved()

    assert first.sha256 == second.sha256
    assert list(saver.files()) == [NAME]


def test_another_file_under_the_name_stays_unless_told_otherwise(
    saver: Saver, fake: FakePhanEdge
) -> None:
    known = saver.known
    saver.saved(video=known)
    before = saver.files()
    fake.change_file()

    refused = saver.save(video=known)

    assert isinstance(refused.result, StorageFailed)
    assert NAME in str(refused.result)
    assert "overwrite" in str(refused.result)
    assert saver.files() == before
    assert saver.saved(video=known, overwrite=True).sha256 == fake.sha256()
    assert list(saver.files()) == [NAME]


@pytest.fixture
def little_room() -> Iterator[None]:
    """No file of this process may have more than a hundred thousand bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("little_room")
def test_a_lack_of_room_is_final_and_named_and_leaves_nothing(saver: Saver) -> None:
    result = saver.save()

    assert isinstance(result.result, StorageFailed)
    assert str(saver.root) in str(result.result)
    assert "large" in str(result.result)
    assert result.result.resumable
    assert saver.files() == {}


def test_a_place_that_is_no_folder_is_final_and_named(
    saver: Saver, fake: FakePhanEdge
) -> None:
    saver.root.mkdir()
    (saver.root / "orders").write_text("a file where a folder should be")

    result = saver.save(NAME)

    assert isinstance(result.result, StorageFailed)
    assert "orders" in str(result.result)
    assert fake.counts.get("file", 0) == 0


def test_without_a_storage_the_error_says_what_to_set(
    fake: FakePhanEdge, tmp_path: Path
) -> None:
    saver = Saver(fake, tmp_path, phanedge_storage=None)

    result = saver.save()

    assert isinstance(result.result, ConfigurationError)
    assert "phanedge_storage" in str(result.result)


@pytest.mark.parametrize(
    "video", [{}, {"file_id": "../x"}, "text", None, 7, {"download_url": ""}]
)
def test_what_names_no_file_is_refused(saver: Saver, video: Any) -> None:
    task = saver.app.tasks["phanedge.save_file"]

    result = task.apply((video, NAME))

    assert isinstance(result.result, RequestInvalid)


@pytest.mark.parametrize("save_to", ["../x.mp4", "/x.mp4", "", None, 7])
def test_a_name_that_is_none_is_refused_before_any_call(
    saver: Saver, fake: FakePhanEdge, save_to: Any
) -> None:
    result = saver.save(save_to)

    assert isinstance(result.result, RequestInvalid)
    assert fake.counts == {}


def test_a_url_alone_is_enough(saver: Saver, fake: FakePhanEdge) -> None:
    url = fake.download_url()

    video = saver.saved(NAME, video={"download_url": url})

    assert video.sha256 == fake.sha256()
    assert fake.counts == {"file": 1}


def test_a_job_whose_file_id_never_came_is_asked_for_its_url(
    saver: Saver, fake: FakePhanEdge
) -> None:
    fake.script("query_success_direct_url", job=fake.job_id)

    video = saver.saved("{job_id}.mp4", video={"job_id": fake.job_id})

    assert video.sha256 == fake.sha256()
    assert list(saver.files()) == [f"{fake.job_id}.mp4"]
