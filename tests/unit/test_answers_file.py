"""What files/retrieve says, and what a download begins with (contract, section 4)."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import pytest

from phanedge_celery.answers import (
    NoReply,
    Reply,
    Trouble,
    is_loopback,
    read_download,
    read_file,
    web_url,
)
from phanedge_celery.models import FileRecord

URL = "https://files.example.com/a.mp4?sig=1"


def described(**keys: Any) -> FileRecord | Trouble:
    body = {"file": {"download_url": URL, **keys}, "base_resp": {"status_code": 0}}
    return read_file(Reply(200, {}, json.dumps(body).encode()), "17", "1")


def test_a_file_is_described_with_what_is_known() -> None:
    file = described(file_id=17, bytes=5, created_at=1700469398, filename="x.mp4")

    assert file == FileRecord(
        file_id="17",
        bytes=5,
        created_at=datetime(2023, 11, 20, 8, 36, 38, tzinfo=timezone.utc),
        filename="x.mp4",
        download_url=URL,
    )


FIELDS = [
    ("bytes", 0, None),
    ("bytes", "5", 5),
    ("bytes", -1, None),
    ("bytes", 10**30, None),
    ("bytes", "many", None),
    ("file_id", "", "17"),
    ("file_id", 18, "18"),
    ("created_at", 0, None),
    ("created_at", 10**12, None),
    ("created_at", "soon", None),
    ("filename", "../../etc/passwd", "passwd"),
    ("filename", "C:\\x\\a.mp4", "a.mp4"),
    ("filename", "..", None),
    ("filename", "a\x00\nb.mp4", "a b.mp4"),
    ("filename", 5, None),
    ("backup_download_url", "", None),
    ("backup_download_url", "http://b.example/x", "https://b.example/x"),
]


@pytest.mark.parametrize(("key", "sent", "kept"), FIELDS)
def test_a_field_is_taken_as_far_as_it_makes_sense(
    key: str, sent: object, kept: object
) -> None:
    assert getattr(described(**{key: sent}), key) == kept


@pytest.mark.parametrize("url", ["", None, 5, "ftp://h/x", "javascript:x", "https://"])
def test_a_file_without_a_url_is_asked_for_again(url: object) -> None:
    trouble = described(download_url=url)

    assert isinstance(trouble, Trouble)
    assert (trouble.kind, trouble.limit) == ("missing_file", 5)


def test_the_second_source_stands_in_for_the_first() -> None:
    file = described(download_url="", backup_download_url=URL)

    assert isinstance(file, FileRecord)
    assert (file.download_url, file.backup_download_url) == (URL, None)


@pytest.mark.parametrize(
    "body", [{}, {"file": None}, {"file": []}, {"file": {}}, {"base_resp": {}}]
)
def test_an_answer_without_a_file_is_asked_for_again(body: dict[str, Any]) -> None:
    trouble = read_file(Reply(200, {}, json.dumps(body).encode()), "17", "1")

    assert isinstance(trouble, Trouble)
    assert trouble.kind == "missing_file"


@pytest.mark.parametrize(
    ("code", "status", "taken"),
    [(1002, 200, False), (1004, 200, True), (0, 500, False), (0, 404, False)],
)
def test_a_url_counts_unless_the_call_itself_is_to_be_repeated(
    code: int, status: int, taken: bool
) -> None:
    body = {"file": {"download_url": URL}, "base_resp": {"status_code": code}}
    answer = read_file(Reply(status, {}, json.dumps(body).encode()), "17")

    assert isinstance(answer, FileRecord) is taken


URLS = [
    ("https://h.example/a?b=1#c", "https://h.example/a?b=1"),
    ("http://h.example/a", "https://h.example/a"),
    ("http://h.example:80/a", "https://h.example/a"),
    ("http://h.example:8080/a", "https://h.example:8080/a"),
    ("HTTP://H.example/a", "https://H.example/a"),
    ("//h.example/a", "https://h.example/a"),
    ("www.downloadurl.com", "https://www.downloadurl.com"),
    ("h.example:444/a?b", "https://h.example:444/a?b"),
    (" https://h.example/a ", "https://h.example/a"),
    ("http://127.0.0.1:8900/a", "http://127.0.0.1:8900/a"),
    ("http://localhost/a", "http://localhost/a"),
    ("http://[::1]:1/a", "http://[::1]:1/a"),
    ("http://inside/a", "http://inside/a"),
    ("https://h.example/ä%20b?c=%C3", "https://h.example/%C3%A4%20b?c=%C3"),
    ("https://bücher.example:1/", "https://xn--bcher-kva.example:1/"),
    ("ftp://h.example/a", None),
    ("https://a..b/", None),
    ("https://" + "a" * 70 + ".example/", None),
    ("file:///etc/passwd", None),
    ("https://user:pw@h.example/", None),
    ("https://h.example:x/", None),
    ("https://h.example/a b", None),
    ("https://h.example/\r\nX: y", None),
    ("https://h\\.example/", None),
    ("https://[::1/", None),
    ("/a/b", None),
    ("nonsense", None),
    ("https://h.example/" + "x" * 9000, None),
]


@pytest.mark.parametrize(("sent", "asked"), URLS, ids=[u[:30] for u, _ in URLS])
def test_a_url_is_asked_for_by_https_or_not_at_all(
    sent: str, asked: str | None
) -> None:
    assert web_url(sent, plain_hosts=["inside"]) == asked


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("a.localhost", False),
        ("10.0.0.1", False),
    ],
)
def test_loopback_is_this_machine_alone(host: str, local: bool) -> None:
    assert is_loopback(host) is local


MP4 = b"\x00\x00\x00\x20ftypisom"
FILE_HOST = [
    (200, MP4, None),
    (206, b"{anything", None),
    (200, b"\x01\x02 no ftyp", None),
    (200, b"{\x00\x00\x20ftyp", None),
    (200, b'{"a": 1}', "retry None"),
    (200, b"  <html>", "retry None"),
    (400, b"", "refresh 1"),
    (401, b"", "refresh 1"),
    (403, b"<xml>", "refresh 1"),
    (404, b"", "refresh 1"),
    (410, b"", "refresh 1"),
    (416, b"", "restart 5"),
    (429, b"", "retry None"),
    (503, b"", "retry None"),
    (405, b"", "refused 0"),
    (304, b"", "retry None"),
]


@pytest.mark.parametrize(("status", "start", "expected"), FILE_HOST)
def test_a_file_host_is_judged_by_its_status_and_first_bytes(
    status: int, start: bytes, expected: str | None
) -> None:
    answer = read_download(Reply(status, {}, start), "17", "1")

    if expected is None:
        assert answer is None
    else:
        assert isinstance(answer, Trouble)
        assert f"{answer.kind} {answer.limit}" == expected
        assert type(answer.error).__name__ == "DownloadFailed"


def test_a_download_that_broke_off_can_go_on() -> None:
    trouble = read_download(NoReply(True, "reset"), "17", "1")

    assert isinstance(trouble, Trouble)
    assert (trouble.kind, trouble.limit) == ("truncated", None)


def test_the_gateway_may_describe_a_file_in_place_of_it() -> None:
    body = json.dumps({"file": {"download_url": URL}}).encode()
    answer = read_download(Reply(200, {}, body), "17", "1", gateway=True)

    assert isinstance(answer, FileRecord)
    assert answer.download_url == URL


def test_a_video_labelled_as_json_is_a_video() -> None:
    labelled = Reply(200, {"Content-Type": "application/json"}, MP4)

    assert read_download(labelled, "17", gateway=True) is None
