"""The Django site as a visitor sees it, in a real browser."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest

from phanedge_celery.testing import Timeline, fail
from tests.browser.conftest import Visitor, expected, shot
from tests.processes import wait_for
from tests.servers import RedisServer
from tests.sites import Site, django_site

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect

Visit = Callable[..., Visitor]
WAITING = Timeline.seconds(queueing=600)
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9"
    "awAAAABJRU5ErkJggg=="
)


@pytest.fixture(scope="module")
def site(redis_server: RedisServer) -> Iterator[Site]:
    """The site, on a broker that is quicker than SQLite."""
    with django_site(redis_server.fresh_url()) as running:
        yield running


def prompt(what: str = "A cat surfs.") -> str:
    """Return a prompt that no other test has."""
    return f"{what} {uuid4().hex[:6]}"


def submit(page: Any, site: Site, *steps: Any, text: str | None = None) -> str:
    """Ask for a video whose job tells *steps*; return its prompt, on its page."""
    text = text or prompt()
    site.fake.script(*(steps or (WAITING,)), prompt=text)
    page.goto("/")
    page.get_by_label("What should be seen?").fill(text)
    page.get_by_role("button", name="Make the video").click()
    page.wait_for_url("**/videos/*/")
    return text


def job_of(site: Site, text: str) -> str:
    """Return the job id of the one submission with this prompt."""

    def submitted() -> str:
        return next(
            (
                job["job_id"]
                for job in site.fake.jobs
                if job["request"]["prompt"] == text
            ),
            "",
        )

    return wait_for(submitted, 20, what=f"a submission of {text}")


def says(page: Any, words: str) -> None:
    expect(page.get_by_role("status")).to_have_text(words, timeout=20_000)


def test_a_visitor_asks_sees_the_status_move_and_the_video_play_and_seek(
    visit: Visit, site: Site
) -> None:
    visitor = visit()
    page = visitor.page()
    page.goto("/")
    shot(page, "form")
    text = submit(page, site)
    job = job_of(site, text)

    says(page, "In the queue of the service")
    bar = page.get_by_role("progressbar")
    before = float(bar.get_attribute("value"))
    site.fake.script(Timeline.seconds(processing=600), job=job)
    says(page, "Rendering")
    assert float(bar.get_attribute("value")) > before
    assert "of typically 2 min" in page.locator(".timing").inner_text()
    shot(page, "rendering")
    site.fake.script("Success", job=job)
    says(page, "Your video is ready")
    assert page.title() == "Your video is ready"
    expect(page.get_by_role("progressbar")).to_have_count(0)

    video = page.locator("video")
    video.evaluate("async video => { video.muted = true; await video.play() }")
    wait_for(lambda: video.evaluate("video => video.currentTime > 0"))
    video.evaluate("video => { video.pause(); video.currentTime = 0.5 }")
    wait_for(lambda: video.evaluate("video => !video.seeking"))
    assert video.evaluate("video => video.currentTime") == pytest.approx(0.5, abs=0.05)
    shot(page, "done")
    polls = [url for url in visitor.asked if "/live/" in url]
    page.wait_for_timeout(700)
    assert [url for url in visitor.asked if "/live/" in url] == polls
    assert site.fake.posts_by("prompt")[text] == 1


def test_the_video_is_served_in_the_parts_that_a_player_asks_for(
    visit: Visit, site: Site
) -> None:
    visitor = visit()
    page = visitor.page()
    submit(page, site, "Success")
    says(page, "Your video is ready")
    url = page.locator("video").get_attribute("src")

    def get(**headers: str) -> Any:
        return visitor.context.request.get(url, headers=headers)

    whole = get()
    content, size = whole.body(), len(whole.body())
    tag = whole.headers["etag"]
    assert (whole.status, content[4:8]) == (200, b"ftyp")
    for asked, first, last in [
        ("bytes=0-", 0, size - 1),
        ("bytes=10-19", 10, 19),
        ("bytes=-5", size - 5, size - 1),
        (f"bytes=5-{size * 9}", 5, size - 1),
    ]:
        part = get(Range=asked)
        assert part.status == 206
        assert part.headers["content-range"] == f"bytes {first}-{last}/{size}"
        assert part.body() == content[first : last + 1]
    for asked in (f"bytes={size}-", "bytes=-0"):
        assert get(Range=asked).status == 416
    assert get(Range="bytes=1-2", **{"If-Range": tag}).status == 206
    assert get(Range="bytes=1-2", **{"If-Range": '"other"'}).status == 200
    for asked in ("bytes=5-2,9-", "bytes=-", "apples=1-2"):
        assert get(Range=asked).status == 200
    download = visitor.context.request.get(url + "?download")
    assert "attachment" in download.headers["content-disposition"]


def test_a_reload_and_a_second_tab_show_the_same_job(visit: Visit, site: Site) -> None:
    visitor = visit()
    first = visitor.page()
    text = submit(first, site)
    says(first, "In the queue of the service")
    first.reload()
    says(first, "In the queue of the service")
    second = visitor.page()
    second.goto(first.url)
    says(second, "In the queue of the service")

    site.fake.script("Success", job=job_of(site, text))

    for page in (first, second):
        says(page, "Your video is ready")
        expect(page.locator("video")).to_be_visible()


def test_a_cancel_in_one_tab_is_told_in_the_other(visit: Visit, site: Site) -> None:
    visitor = visit()
    first = visitor.page()
    submit(first, site)
    second = visitor.page()
    second.goto(first.url)
    says(second, "In the queue of the service")

    first.get_by_role("button", name="Cancel").click()

    for page in (first, second):
        says(page, "Cancelled")
        expect(page.get_by_role("button", name="Cancel")).to_have_count(0)


def test_the_list_of_ones_videos_moves_by_itself(visit: Visit, site: Site) -> None:
    visitor = visit()
    page = visitor.page()
    text = submit(page, site)
    job = job_of(site, text)
    page.get_by_role("navigation").get_by_role("link", name="My videos").click()
    expect(page.locator(".stage")).to_have_text("In the queue of the service")
    page.get_by_role("link", name=text).focus()

    site.fake.script("Success", job=job)

    expect(page.locator(".stage")).to_have_text("Your video is ready")
    expect(page.get_by_role("link", name=text)).to_be_focused()
    looks = len(visitor.asked)
    page.wait_for_timeout(700)
    assert len(visitor.asked) == looks
    shot(page, "mine")


def test_a_form_that_is_sent_twice_makes_one_video(visit: Visit, site: Site) -> None:
    visitor = visit()
    page = visitor.page()
    text = prompt()
    page.goto("/")
    fields = page.evaluate("Object.fromEntries(new FormData(document.forms[0]))")
    form = {**fields, "prompt": text, "first_frame": ""}

    answers = [visitor.context.request.post("/", form=form) for _ in range(2)]
    other = visitor.context.request.post("/", form={**form, "duration": "10"})

    assert answers[0].url == answers[1].url != other.url
    wait_for(lambda: site.fake.posts_by("prompt").get(text) == 2, 20)


def test_a_visitor_cancels_and_is_told_what_it_may_cost(
    visit: Visit, site: Site
) -> None:
    page = visit().page()
    submit(page, site)
    says(page, "In the queue of the service")
    page.get_by_role("button", name="Cancel").click()

    says(page, "Cancelled")
    expect(page.get_by_role("alert")).to_contain_text("bill")
    shot(page, "cancelled")
    page.get_by_role("link", name="My videos").click()
    expect(page.locator(".stage.cancelled").first).to_have_text("Cancelled")


@pytest.mark.parametrize(
    ("name", "step", "advice"),
    [
        ("refused", "query_fail_1027", "Say it in other words"),
        ("failed", fail(0, ""), "submit it again"),
    ],
)
def test_a_failure_says_what_to_do_next(
    visit: Visit, site: Site, name: str, step: Any, advice: str
) -> None:
    page = visit().page()
    text = submit(page, site, "Queueing", step)

    says(page, "This video could not be made")
    expect(page.locator(".notice")).to_contain_text(advice)
    shot(page, name)
    page.get_by_role("link", name="Change it and try again").click()
    expect(page.get_by_label("What should be seen?")).to_have_value(text)


def test_a_failure_that_can_be_resumed_goes_on_with_one_click(
    visit: Visit, site: Site
) -> None:
    page = visit().page()
    text = submit(page, site)
    job = job_of(site, text)
    site.fake.play("gateway_400_query", on="query", job=job)
    says(page, "This video could not be made")

    site.fake.script("Success", job=job)
    page.get_by_role("button", name="Go on").click()

    says(page, "Your video is ready")
    assert site.fake.posts_by("prompt")[text] == 1


def test_it_works_without_javascript(visit: Visit, site: Site) -> None:
    page = visit(java_script_enabled=False).page()
    text = submit(page, site)
    says(page, "In the queue of the service")
    shot(page, "without-javascript")

    site.fake.script("Success", job=job_of(site, text))

    says(page, "Your video is ready")
    expect(page.locator("video")).to_be_visible()

    submit(page, site)
    page.get_by_role("button", name="Cancel").click()
    says(page, "Cancelled")


def test_it_works_by_keyboard_alone(visit: Visit, site: Site) -> None:
    page = visit().page()
    text = prompt()
    site.fake.script(WAITING, prompt=text)
    page.goto("/")

    def press(key: str, times: int = 1) -> None:
        for _ in range(times):
            page.keyboard.press(key)

    press("Tab")
    expect(page.get_by_role("link", name="To the content")).to_be_focused()
    shot(page, "skip-link")
    press("Enter")
    press("Tab")
    expect(page.get_by_label("What should be seen?")).to_be_focused()
    page.keyboard.type(text)
    press("Tab", 5)
    expect(page.get_by_role("button", name="Make the video")).to_be_focused()
    press("Enter")
    page.wait_for_url("**/videos/*/#main")
    press("Tab")
    cancel = page.get_by_role("button", name="Cancel")
    expect(cancel).to_be_focused()
    says(page, "In the queue of the service")
    expect(cancel).to_be_focused()
    press("Enter")
    says(page, "Cancelled")


def test_it_fits_a_phone(visit: Visit, site: Site) -> None:
    page = visit(viewport={"width": 360, "height": 700}).page()
    submit(page, site, "query_fail_1027")
    says(page, "This video could not be made")
    failed = page.url
    text = submit(page, site, text=prompt("Averyverylongword" * 15))
    says(page, "In the queue of the service")
    moving = page.url
    expect(page.get_by_text("The whole prompt")).to_be_visible()

    pages = {"form": "/", "mine": "/videos/", "failed": failed, "moving": moving}
    for name, url in {**pages, "done": moving}.items():
        if name == "done":
            site.fake.script("Success", job=job_of(site, text))
            says(page, "Your video is ready")
        page.goto(url)
        wide = "document.documentElement.scrollWidth > window.innerWidth"
        assert not page.evaluate(wide), name
        shot(page, f"phone-{name}")


def test_html_in_a_prompt_is_shown_as_what_it_is(visit: Visit, site: Site) -> None:
    page = visit().page()
    text = prompt("<img src=x onerror=alert(1)><script>alert(2)</script>")
    page.on("dialog", lambda dialog: pytest.fail(f"it said {dialog.message}"))
    submit(page, site, {"status": "Fail", "error_message": text}, text=text)

    says(page, "This video could not be made")
    expect(page.get_by_role("heading", level=1)).to_have_text(text)
    expect(page.locator(".notice")).to_contain_text(text)
    assert page.locator("main img, main script").count() == 0


def test_a_first_frame_goes_with_the_request(visit: Visit, site: Site) -> None:
    page = visit().page()
    text = prompt()
    site.fake.script(WAITING, prompt=text)
    page.goto("/")
    page.get_by_label("What should be seen?").fill(text)
    frame = page.get_by_label("First frame")
    frame.set_input_files({"name": "f.txt", "mimeType": "image/png", "buffer": b"no"})
    page.get_by_role("button", name="Make the video").click()
    expect(page.get_by_role("alert")).to_have_text("This is no JPG, PNG or WebP image.")
    shot(page, "form-error")

    frame.set_input_files({"name": "f.png", "mimeType": "image/png", "buffer": PNG})
    page.get_by_role("button", name="Make the video").click()
    page.wait_for_url("**/videos/*/")

    job_of(site, text)
    [sent] = [
        job["request"] for job in site.fake.jobs if job["request"]["prompt"] == text
    ]
    assert sent["first_frame_image"].startswith("data:image/png;base64,iVBOR")


def test_a_hostile_request_is_refused_and_sends_nothing(
    visit: Visit, site: Site
) -> None:
    ask = visit().context.request
    text = prompt()
    known = {"prompt": text, "model": "MiniMax-Hailuo-02", "form_id": str(uuid4())}

    for id in (str(uuid4()), "a" * 10_000, "<script>", "a%00b", "%ff"):
        for path in (f"/videos/{id}/", f"/videos/{id}/live/", f"/videos/{id}/file/"):
            answer = ask.get(path)
            assert answer.status == 404
            assert "<script>" not in answer.text()
    sent = ask.post("/", form={**known, "duration": "6", "resolution": "768P"})
    assert sent.status == 403
    assert ask.put("/", data="x").status in (403, 405)
    assert text not in site.fake.posts_by("prompt")


def test_another_visitor_finds_nothing(visit: Visit, site: Site) -> None:
    page = visit().page()
    submit(page, site)
    id = re.findall(r"/videos/([^/]+)/", page.url)[0]
    stranger = visit()
    theirs = stranger.page()

    with expected(stranger, "404 (Not Found)"):
        answer = theirs.goto(f"/videos/{id}/")
        assert answer.status == 404
        shot(theirs, "not-found")
    theirs.goto("/")
    token = theirs.locator("[name=csrfmiddlewaretoken]").get_attribute("value")
    ask = stranger.context.request
    for path in ("live/", "file/"):
        assert ask.get(f"/videos/{id}/{path}").status == 404
    assert ask.get(f"/api/videos/{id}/").status == 404
    for path in (f"/videos/{id}/cancel/", f"/videos/{id}/resume/"):
        assert ask.post(path).status == 403
        assert ask.post(path, headers={"X-CSRFToken": token}).status == 404
        assert ask.get(path).status == 405
    says(page, "In the queue of the service")
    assert id not in ask.get("/videos/").text()
