"""The Flask site's one page, in a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest

from phanedge_celery.testing import Timeline
from tests.browser.conftest import Visitor, expected, shot
from tests.processes import wait_for
from tests.servers import RedisServer
from tests.sites import Site, flask_site

expect = pytest.importorskip("playwright.sync_api").expect

Visit = Callable[..., Visitor]


@pytest.fixture(scope="module")
def site(redis_server: RedisServer) -> Iterator[Site]:
    """The site, on a broker that is quicker than SQLite."""
    urls = redis_server.fresh()
    with flask_site(urls.broker, results=urls.backend) as running:
        yield running


def ask(page: Any, site: Site, *steps: Any) -> str:
    """Ask for a video on the page; return its prompt."""
    text = f"A cat surfs. {uuid4().hex[:6]}"
    site.fake.script(*steps, prompt=text)
    page.goto("/")
    page.get_by_label("What should be seen?").fill(text)
    page.get_by_role("button", name="Make the video").click()
    return text


def says(page: Any, words: str) -> None:
    expect(page.get_by_role("status")).to_have_text(words, timeout=20_000)


def test_a_visitor_asks_and_sees_the_video_play_and_seek(
    visit: Visit, site: Site
) -> None:
    page = visit().page()
    text = ask(page, site, "Queueing", "Processing", "Success")

    says(page, "Your video is ready")
    video = page.locator("video")
    video.evaluate("async video => { await video.play() }")
    wait_for(lambda: video.evaluate("video => video.currentTime > 0"))
    video.evaluate("video => { video.pause(); video.currentTime = 0.5 }")
    wait_for(lambda: video.evaluate("video => !video.seeking"))
    assert video.evaluate("video => video.currentTime") == pytest.approx(0.5, abs=0.05)
    shot(page, "flask-done")
    assert site.fake.posts_by("prompt")[text] == 1


def test_a_visitor_sees_the_status_and_cancels(visit: Visit, site: Site) -> None:
    page = visit().page()
    text = ask(page, site, Timeline.seconds(queueing=600))

    says(page, "In the queue of the service")
    shot(page, "flask-queueing")
    page.get_by_role("button", name="Cancel").click()
    says(page, "Cancelled")
    wait_for(lambda: site.fake.posts_by("prompt")[text] == 1)


def test_a_refusal_is_told(visit: Visit, site: Site) -> None:
    visitor = visit()
    page = visitor.page()
    ask(page, site, "query_fail_1027")
    says(page, "The content policy refused the video: output new_sensitive")

    page.get_by_label("What should be seen?").evaluate(
        "area => { area.removeAttribute('maxlength'); area.value = 'a'.repeat(2001) }"
    )
    with expected(visitor, "422"):
        page.get_by_role("button", name="Make the video").click()
        expect(page.get_by_role("status")).to_contain_text("2000")
