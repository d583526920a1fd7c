"""The example sites, as their READMEs start them."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPCookieProcessor, Request, build_opener

import pytest
import requests

from tests.processes import Child, wait_for
from tests.servers.server import answers
from tests.sites import EXAMPLES, ask, ended, flask_site
from tests.workers import ROOT

REQUEST = {"model": "MiniMax-Hailuo-02", "prompt": "A cat surfs."}


def gone(pid: int) -> bool:
    """Has every process of the group gone?"""
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.timeout(240)
def test_make_site_makes_a_video_and_stops_all_of_it_by_ctrl_c(
    tmp_path: Path,
) -> None:
    run = Child(
        [sys.executable, EXAMPLES / "django_site" / "run.py"],
        tmp_path / "run.log",
        env={"PHANEDGE_API_KEY": "", "SITE_PORT": "", "SITE_DATA": ""},
    )
    run.start()
    try:
        run.wait_for_log("Ctrl-C stops", 90)
        told = run.log()
        [site] = re.findall(r"The site: +(http://127\.0\.0\.1:\d+/)", told)
        [folder] = re.findall(r"The logs: +(\S+)/\*\.log", told)
        groups = [int(pid) for pid in children_of(run.pid)]
        assert len(groups) == 3

        with requests.Session() as visitor:
            id = ask(visitor, site, "A cat surfs. {fake: Queueing, Success}")
            video = ended(visitor, f"{site}api/videos/{id}/")["video"]
            film = visitor.get(f"{site}videos/{id}/file/", timeout=20).content
        assert len(film) == video["bytes"]
        assert called_back(Path(folder)) >= {"200"}
        [password] = re.findall(r"\(admin, (\S+)\)", told)
        assert linked_files(site, password) == [film]

        os.kill(run.pid, signal.SIGINT)
        assert run.wait(40) == 0
    finally:
        run.kill()

    wait_for(lambda: all(gone(pid) for pid in groups), what="end of all processes")
    assert not answers(int(site.rsplit(":", 1)[1].strip("/")))
    assert not Path(folder).exists()


def linked_files(site: str, password: str) -> list[bytes]:
    """Return what the links of the admin's list of jobs lead staff to."""
    with requests.Session() as staff:
        page = staff.get(f"{site}admin/login/", timeout=20).text
        [token] = set(re.findall(r'csrfmiddlewaretoken" value="(\w+)"', page))
        known = {"username": "admin", "password": password}
        staff.post(
            f"{site}admin/login/?next=/admin/phanedge/ticket/",
            {**known, "csrfmiddlewaretoken": token},
            timeout=20,
        )
        jobs = staff.get(f"{site}admin/phanedge/ticket/", timeout=20).text
        urls = [site + path for path in re.findall(r'href="/(media/[^"]+)"', jobs)]
        assert all("/login/" in requests.get(url, timeout=20).url for url in urls)
        return [staff.get(url, timeout=20).content for url in urls]


def called_back(folder: Path) -> set[str]:
    """Return what the service was answered when it called back."""
    return set(re.findall(r'"POST /phanedge/\S+ HTTP/1.1" (\d+)', web_log(folder)))


def web_log(folder: Path) -> str:
    return (folder / "web.log").read_text(encoding="utf-8")


def children_of(pid: int) -> list[str]:
    task = Path(f"/proc/{pid}/task/{pid}/children")
    if not task.exists():
        pytest.skip("no /proc here that tells children")
    return task.read_text().split()


class Browser:
    """A visitor of the Flask site, with a session of its own."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._opener = build_opener(HTTPCookieProcessor(CookieJar()))

    def ask(self, path: str, body: Any = None, **headers: str) -> tuple[int, bytes]:
        sent = None if body is None else json.dumps(body).encode()
        headers |= {"Content-Type": "application/json"} if sent else {}
        request = Request(self.url + path, sent, headers)
        try:
            with self._opener.open(request, timeout=20) as answer:
                return answer.status, answer.read()
        except HTTPError as error:
            with error:
                return error.code, error.read()

    def json(self, path: str, body: Any = None, **headers: str) -> Any:
        return json.loads(self.ask(path, body, **headers)[1])


@pytest.fixture(scope="module")
def flask_url() -> Iterator[str]:
    with flask_site() as site:
        yield site.url


def test_the_flask_site_makes_a_video_and_plays_it_in_parts(flask_url: str) -> None:
    visitor = Browser(flask_url)
    assert b"Make the video" in visitor.ask("/")[1]
    assert visitor.ask("/static/page.js")[0] == 200

    status, body = visitor.ask("/api/videos", REQUEST, **{"Idempotency-Key": "a"})
    asked = json.loads(body)
    again = visitor.json("/api/videos", REQUEST, **{"Idempotency-Key": "a"})

    def state() -> str:
        return str(visitor.json(asked["progress"])["state"])

    wait_for(lambda: state() == "SUCCESS", 40, what=state)
    job = visitor.json(asked["progress"])

    assert (status, again["id"]) == (202, asked["id"])
    assert "download_url" not in job["video"]
    whole = visitor.ask(f"/videos/{job['id']}.mp4")
    part = visitor.ask(f"/videos/{job['id']}.mp4", Range="bytes=4-7")
    assert (whole[0], whole[1][4:8]) == (200, b"ftyp")
    assert part == (206, b"ftyp")


def test_the_flask_site_shows_a_job_to_its_owner_alone(flask_url: str) -> None:
    owner, other = Browser(flask_url), Browser(flask_url)
    id = owner.json("/api/videos", {**REQUEST, "prompt": "{fake: Queueing}"})["id"]

    assert owner.ask(f"/api/videos/{id}")[0] == 200
    for path in (f"/api/videos/{id}", f"/videos/{id}.mp4"):
        assert other.ask(path)[0] == 404
    assert other.ask(f"/api/videos/{id}/cancel", {})[0] == 404
    assert owner.json(f"/api/videos/{id}/cancel", {})["stopped"] != "too_late"


@pytest.mark.parametrize(
    "body", [{"prompt": 7}, {}, {"model": "a", "prompt": "b" * 2001}]
)
def test_the_flask_site_refuses_what_can_never_be_made(
    flask_url: str, body: Any
) -> None:
    status, answer = Browser(flask_url).ask("/api/videos", body)

    assert status == 422
    assert json.loads(answer)["error"]


def test_the_flask_site_is_short() -> None:
    code = (EXAMPLES / "flask_site" / "app.py").read_text(encoding="utf-8")

    assert len(code.splitlines()) <= 120


def test_every_example_is_run_by_a_test() -> None:
    runnable = {
        path.stem if path.parent == EXAMPLES else path.parent.name
        for path in [*EXAMPLES.glob("*.py"), *EXAMPLES.glob("*/*.py")]
    }
    tests = "".join(
        path.read_text(encoding="utf-8")
        for folder in ("examples", "services", "unit")
        for path in (ROOT / "tests" / folder).glob("*.py")
    )

    assert runnable - {name for name in runnable if name in tests} == set()
