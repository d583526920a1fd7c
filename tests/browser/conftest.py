"""A real browser, on the example site."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.sites import Site
from tests.workers import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SHOTS = ROOT / "artifacts" / "browser"
ALONE = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium() -> str:
    """Return where Chromium is; skip without it, or fail where CI is set."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if not found:
        told = "no chromium here; to have it: apt-get install chromium"
        pytest.fail(told, pytrace=False) if os.environ.get("CI") else pytest.skip(told)
    return found or ""


# Of a module, not of the session: Playwright's event loop would make Django refuse to
# ask its database in every other test.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=[*ALONE])
        yield started
        started.close()


class Visitor:
    """One browser profile; what its pages complain of and ask for is kept."""

    def __init__(self, browser: Browser, site: Site, **options: Any) -> None:
        self.site = site
        # A bar that moves all the time takes a core of its own to be drawn.
        known = {"base_url": site.url, "reduced_motion": "reduce", **options}
        self.context = browser.new_context(**known)
        self.context.set_default_timeout(20_000)
        self.complaints: list[str] = []
        self.asked: list[str] = []

    def page(self) -> Any:
        page = self.context.new_page()
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))
        return page

    def _heard(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)


@pytest.fixture
def visit(browser: Browser, site: Site) -> Iterator[Any]:
    """Call it for a visitor; in the end no page may have complained or gone out."""
    visitors: list[Visitor] = []

    def new(**options: Any) -> Visitor:
        visitors.append(Visitor(browser, site, **options))
        return visitors[-1]

    yield new
    for visitor in visitors:
        visitor.context.close()
        assert visitor.complaints == []
        elsewhere = [url for url in visitor.asked if not url.startswith(site.url)]
        assert elsewhere == []


@contextmanager
def expected(visitor: Visitor, text: str) -> Iterator[None]:
    """Let the browser complain of this, and of nothing else."""
    before = list(visitor.complaints)
    yield
    new = visitor.complaints[len(before) :]
    assert all(text in complaint for complaint in new), new
    visitor.complaints[:] = before


def shot(page: Any, name: str) -> None:
    """Keep a picture of the page as an artifact."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=Path(SHOTS / f"{name}.png"), full_page=True)
