"""Reading a file, whole or to the point where it breaks, through no one else's door."""

from __future__ import annotations

import hashlib
import ssl
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
import trustme

from phanedge_celery.answers import Trouble
from phanedge_celery.client import CHUNK, Client, Interrupted, Stream
from phanedge_celery.client.downloads import Downloads
from phanedge_celery.client.hosts import is_public
from phanedge_celery.client.streams import Wanted
from phanedge_celery.client.surroundings import Surroundings
from phanedge_celery.models import FileRecord
from phanedge_celery.settings import Settings
from phanedge_celery.testing import KEY, FakePhanEdge, Fault
from phanedge_celery.testing.fixtures import fake as fake
from tests.rawserver import RawServer, ok, refused_port

MP4 = b"\x00\x00\x00\x20ftypisom" + b"x" * 20


def client_of(url: str, *, read: float = 5, **keys: Any) -> Client:
    given = {"api_key": KEY, "base_url": url, "timeout": (5, read)}
    return Client(Settings(**given | keys))


@pytest.fixture
def client(fake: FakePhanEdge) -> Iterator[Client]:
    client = client_of(fake.url)
    yield client
    client.close()


def url_of(fake: FakePhanEdge, client: Client) -> str:
    file = client.retrieve(fake.file_id, fake.job_id)
    assert isinstance(file, FileRecord)
    assert file.download_url
    return file.download_url


def read(client: Client, url: str, **how: Any) -> bytes:
    with client.open(url, **how) as stream:
        return b"".join(stream)


def trouble_of(client: Client, url: str, **how: Any) -> Trouble:
    with pytest.raises(Interrupted) as stopped:
        read(client, url, **how)
    return stopped.value.trouble


def test_a_large_file_comes_whole_in_bounded_pieces(
    fake: FakePhanEdge, client: Client
) -> None:
    fake.files(size=5_000_000)

    with client.open(url_of(fake, client)) as stream:
        pieces = list(stream)

    assert (stream.start, stream.size) == (0, 5_000_000)
    assert stream.content_type == "video/mp4"
    assert stream.etag
    assert max(map(len, pieces)) <= CHUNK
    assert sum(map(len, pieces)) == 5_000_000


def test_a_file_is_a_plain_get_without_the_key(
    fake: FakePhanEdge, client: Client
) -> None:
    read(client, url_of(fake, client))

    asked = fake.requests[-1]
    assert (asked.endpoint, asked.token) == ("file", None)
    assert asked.headers["accept-encoding"] == "identity"


def test_the_rest_of_a_file_fits_to_its_beginning(
    fake: FakePhanEdge, client: Client
) -> None:
    fake.files(size=300_000)
    url = url_of(fake, client)
    with client.open(url) as whole:
        all_of_it = b"".join(whole)

    with client.open(url, start=123_456, etag=whole.etag) as rest:
        end = b"".join(rest)

    assert (rest.start, rest.size) == (123_456, 300_000)
    assert hashlib.sha256(all_of_it[:123_456] + end).digest() == (
        hashlib.sha256(all_of_it).digest()
    )


def test_a_file_that_has_changed_begins_anew(
    fake: FakePhanEdge, client: Client
) -> None:
    url = url_of(fake, client)
    with client.open(url) as before:
        list(before)
    fake.change_file()

    with client.open(url, start=100, etag=before.etag) as after:
        assert after.start == 0


def test_a_host_without_ranges_begins_anew(fake: FakePhanEdge, client: Client) -> None:
    fake.files(ranges=False)

    with client.open(url_of(fake, client), start=100) as stream:
        assert stream.start == 0
        assert len(b"".join(stream)) == stream.size


def test_a_start_beyond_the_end_is_to_begin_anew(
    fake: FakePhanEdge, client: Client
) -> None:
    assert trouble_of(client, url_of(fake, client), start=10**9).kind == "restart"


def test_another_part_than_the_one_asked_for_is_not_taken() -> None:
    part = b"HTTP/1.1 206 P\r\nContent-Range: bytes 5-9/20\r\nContent-Length: 5\r\n\r\n"
    with RawServer() as server:
        server.treat_by(server.answers(part + b"xxxxx"))

        assert trouble_of(client_of(server.url), server.url, start=4).kind == "restart"


CUTS: list[tuple[str, Fault]] = [
    ("at 0", Fault(cut=0)),
    ("after one byte", Fault(cut=1)),
    ("in the middle", Fault(cut=0.5)),
    ("before the last byte", Fault(cut=-1)),
    ("reset in the middle", Fault(cut=0.5, hang_up="reset")),
    ("reset at once", Fault(hang_up="reset")),
    ("in a chunk", Fault(cut=0.5, chunked=True)),
    ("length too long", Fault(length_off=10)),
    ("silence", Fault(delay=2)),
    ("silence in the middle", Fault(drip=(1000, 2))),
]


@pytest.mark.parametrize("fault", [f for _, f in CUTS], ids=[n for n, _ in CUTS])
def test_a_file_that_breaks_off_is_no_file(
    fake: FakePhanEdge, client: Client, fault: Fault
) -> None:
    url = url_of(fake, client)
    fake.fault(fault, on="file")

    trouble = trouble_of(client_of(fake.url, read=0.5), url)
    assert (trouble.kind, trouble.limit) == ("truncated", None)
    assert len(read(client, url)) == 2210


def test_a_file_of_unknown_length_may_come(fake: FakePhanEdge, client: Client) -> None:
    fake.files(content_length=False)

    with client.open(url_of(fake, client)) as stream:
        assert stream.size is None
        assert len(b"".join(stream)) == 2210


def test_a_file_that_drips_ends_in_time(fake: FakePhanEdge, client: Client) -> None:
    url = url_of(fake, client)
    fake.fault(Fault(drip=(1, 0.05)), on="file")
    begun = time.monotonic()

    assert trouble_of(client, url, within=0.5).kind == "truncated"
    assert time.monotonic() - begun < 1


def test_a_file_that_falls_silent_ends_in_time(
    fake: FakePhanEdge, client: Client
) -> None:
    url = url_of(fake, client)
    fake.fault(Fault(drip=(1000, 4)), on="file")
    begun = time.monotonic()

    assert trouble_of(client, url, within=0.5).kind == "truncated"
    assert time.monotonic() - begun < 3


def test_a_reader_that_dawdles_ends_in_time_too(
    fake: FakePhanEdge, client: Client
) -> None:
    fake.files(size=9_000_000)

    with client.open(url_of(fake, client), within=0.3) as stream:
        pieces = iter(stream)
        next(pieces)
        time.sleep(0.4)
        with pytest.raises(Interrupted) as stopped:
            list(pieces)
    assert stopped.value.trouble.kind == "truncated"


def test_more_than_allowed_is_not_read(fake: FakePhanEdge) -> None:
    fake.files(size=3_000_000)
    strict = client_of(fake.url, max_bytes=2_000_000)
    trouble = trouble_of(strict, url_of(fake, strict))

    assert (trouble.kind, trouble.limit) == ("too_large", 0)
    assert "phanedge_max_bytes" in trouble.error.message


def test_more_than_allowed_is_noticed_while_reading(fake: FakePhanEdge) -> None:
    fake.files(size=3_000_000, content_length=False)
    strict = client_of(fake.url, max_bytes=2_000_000)
    with strict.open(url_of(fake, strict)) as stream:
        pieces = iter(stream)
        got = len(next(pieces)) + len(next(pieces))
        with pytest.raises(Interrupted, match="phanedge_max_bytes"):
            list(pieces)
    assert 0 < got <= 2_000_000


REFUSALS: list[tuple[Fault, str, int | None]] = [
    (Fault(status=403, body="<xml>"), "refresh", 1),
    (Fault(status=404, body=""), "refresh", 1),
    (Fault(status=503, body="", retry_after=9), "retry", None),
    (Fault(status=200, body="<html>no</html>"), "retry", None),
    (Fault(status=200, body={"base_resp": {"status_code": 1004}}), "retry", None),
    (Fault(status=200, body=""), "truncated", None),
    (Fault(status=405, body=""), "refused", 0),
    (Fault(headers={"Content-Encoding": "gzip"}), "encoded", 5),
]


@pytest.mark.parametrize(("fault", "kind", "limit"), REFUSALS)
def test_what_is_no_file_yields_nothing(
    fake: FakePhanEdge, client: Client, fault: Fault, kind: str, limit: int | None
) -> None:
    url = url_of(fake, client)
    fake.fault(fault, on="file")

    trouble = trouble_of(client, url)

    assert (trouble.kind, trouble.limit) == (kind, limit)
    assert trouble.retry_after == fault.retry_after


def test_an_expired_url_is_to_be_refreshed(fake: FakePhanEdge, client: Client) -> None:
    url = url_of(fake, client)
    fake.expire_urls()

    assert trouble_of(client, url).kind == "refresh"
    assert read(client, url_of(fake, client))


# The gateway's own way to a file, E4.


def content(fake: FakePhanEdge, client: Client) -> bytes:
    with client.open_content(fake.file_id, fake.job_id) as stream:
        return b"".join(stream)


def test_the_gateway_gives_a_file_for_the_key(
    fake: FakePhanEdge, client: Client
) -> None:
    assert len(content(fake, client)) == 2210
    asked = fake.requests[-1]
    assert (asked.endpoint, asked.token) == ("content", KEY)
    assert asked.query == {"file_id": fake.file_id, "task_id": fake.job_id}


def test_the_gateway_may_name_the_url_and_the_key_stays_behind(
    fake: FakePhanEdge, client: Client
) -> None:
    _ = fake.job_id
    fake.play("content_json_file_object")
    fake.redirect("{download_url}", on="content")

    for _ in range(2):
        assert len(content(fake, client)) == 2210
    tokens = [(request.endpoint, request.token) for request in fake.requests]
    assert tokens[:2] == [("content", KEY), ("file", None)]


def test_the_key_does_not_follow_a_redirect_to_another_origin(
    fake: FakePhanEdge, client: Client
) -> None:
    with RawServer() as elsewhere:
        elsewhere.treat_by(elsewhere.answers(ok(MP4)))
        fake.redirect(f"{elsewhere.url}/v.mp4", on="content")

        assert content(fake, client) == MP4
        assert KEY.encode() not in elsewhere.requests[0]


@pytest.mark.parametrize(
    ("sample", "kind"),
    [
        ("content_json_error_1004", "auth"),
        ("gateway_404_no_url", "missing_file"),
        ("gateway_502", "retry"),
        ("gateway_502_download_failed", "retry"),
        ("gateway_404_file", "not_found"),
    ],
)
def test_what_the_gateway_says_in_place_of_a_file_is_understood(
    fake: FakePhanEdge, client: Client, sample: str, kind: str
) -> None:
    fake.play(sample, on="content")

    with pytest.raises(Interrupted) as stopped:
        content(fake, client)

    assert stopped.value.trouble.kind == kind


# Hops.


def test_five_redirects_are_followed_and_a_sixth_is_not(
    fake: FakePhanEdge, client: Client
) -> None:
    url = url_of(fake, client)
    fake.redirect(hops=5)
    assert len(read(client, url)) == 2210

    fake.redirect(hops=None)
    trouble = trouble_of(client, url)
    assert (trouble.kind, trouble.limit) == ("refused", 0)


PRIVATE = [
    "http://127.0.0.2/x",
    "http://localhost/x",
    "https://a.localhost/x",
    "https://10.0.0.1/x",
    "https://192.168.1.1/x",
    "https://169.254.169.254/latest/meta-data/",
    "https://[::1]/x",
    "https://[fd00::1]/x",
    "https://[::ffff:10.0.0.1]/x",
    "https://0.0.0.0/x",
    "https://127.1/x",
    "https://2130706433/x",
    "https://0x7f000001/x",
    "https://100.100.100.200/x",
]


@pytest.mark.parametrize("target", PRIVATE)
def test_a_private_host_is_never_asked(
    fake: FakePhanEdge, client: Client, target: str
) -> None:
    direct = trouble_of(client, target)
    url = url_of(fake, client)
    fake.redirect(target)
    redirected = trouble_of(client, url)

    for trouble in (direct, redirected):
        assert (trouble.kind, trouble.limit) == ("private_host", 0)
        assert "phanedge_allow_private_hosts" in trouble.error.message


FILES = "files.example"


@pytest.fixture
def authority(monkeypatch: pytest.MonkeyPatch) -> Iterator[trustme.CA]:
    authority = trustme.CA()
    with authority.cert_pem.tempfile() as bundle:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", bundle)
        yield authority


@contextmanager
def file_host(authority: trustme.CA, name: str) -> Iterator[RawServer]:
    """A host with a certificate for *name*, at 127.0.0.1."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    with RawServer(tls=context) as server:
        server.treat_by(server.answers(ok(MP4)))
        yield server


def opened(port: int, *addresses: str) -> AbstractContextManager[Stream]:
    """Open a file of `FILES`, whose looked-up addresses are these."""
    settings = Settings(base_url="https://h.example", timeout=(5, 5))
    downloads = Downloads(
        settings, Surroundings(), resolve=lambda host, port: list(addresses)
    )
    return downloads.open(Wanted(url=f"https://{FILES}:{port}/v.mp4?sig=1"))


def test_the_address_that_was_looked_at_is_the_one_that_is_asked(
    authority: trustme.CA,
) -> None:
    with file_host(authority, FILES) as server:
        with opened(server.port, "127.0.0.9", "127.0.0.1") as stream:
            assert b"".join(stream) == MP4

        asked = server.requests[0]
    assert asked.startswith(b"GET /v.mp4?sig=1 HTTP/1.1")
    assert b"Host: files.example:%d\r\n" % server.port in asked
    assert b"Authorization" not in asked


def test_an_address_has_to_prove_the_name(authority: trustme.CA) -> None:
    with file_host(authority, "other.example") as server:
        with pytest.raises(Interrupted) as stopped, opened(server.port, "127.0.0.1"):
            pass

        assert stopped.value.trouble.kind == "retry"
        assert "certificate" in str(stopped.value).lower()
        assert not server.requests


def test_a_private_host_may_be_allowed() -> None:
    with RawServer() as server:
        server.treat_by(server.answers(ok(MP4)))
        url = f"http://127.0.0.1:{server.port}/v"

        assert trouble_of(client_of("https://h.example"), url).kind == "private_host"
        allowed = client_of("https://h.example", allow_private_hosts=True)
        assert read(allowed, url) == MP4


@pytest.mark.parametrize(
    "target",
    ["ftp://h.example/", "file:///etc/passwd", "http://[bad", "http://a:b@h.example/"],
)
def test_only_the_web_is_followed(
    fake: FakePhanEdge, client: Client, target: str
) -> None:
    url = url_of(fake, client)
    fake.redirect(target)

    assert trouble_of(client, url).kind == "refused"


def test_a_proxy_decides_what_a_name_means(monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer() as proxy:
        proxy.treat_by(proxy.answers(b"HTTP/1.1 403 No\r\n\r\n"))
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        client = client_of("https://h.example")

        assert trouble_of(client, "https://files.example/v").kind == "retry"
        assert proxy.requests[0].startswith(b"CONNECT files.example:443 ")
        assert trouble_of(client, "https://10.0.0.1/v").kind == "private_host"
        assert proxy.connections == 1


def test_a_host_that_is_away_is_tried_again(client: Client) -> None:
    trouble = trouble_of(client, f"http://127.0.0.1:{refused_port()}/v")

    assert (trouble.kind, trouble.limit) == ("retry", None)


ADDRESSES = [
    ("8.8.8.8", True),
    ("2606:4700::1111", True),
    ("::ffff:8.8.8.8", True),
    ("10.1.2.3", False),
    ("172.16.0.1", False),
    ("192.0.2.1", False),
    ("198.18.0.1", False),
    ("100.64.0.1", False),
    ("169.254.169.254", False),
    ("168.63.129.16", False),
    ("224.0.0.1", False),
    ("255.255.255.255", False),
    ("0.0.0.0", False),
    ("::", False),
    ("fe80::1", False),
    ("fe80::1%eth0", False),
    ("fc00::1", False),
    ("ff02::1", False),
    ("::ffff:127.0.0.1", False),
    ("64:ff9b::a00:1", False),
    ("64:ff9b::808:808", True),
    ("2002:a00:1::", False),
    ("nonsense", False),
]


@pytest.mark.parametrize(("address", "public"), ADDRESSES)
def test_an_address_is_public_only_if_the_world_shares_it(
    address: str, public: bool
) -> None:
    assert is_public(address) is public
