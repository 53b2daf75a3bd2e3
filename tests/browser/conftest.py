"""A served cloud and a real browser, once for the whole folder."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.browser.cloud import Cloud, cloud, served

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SIZES = {"wide": (1440, 900), "small": (390, 844)}


@dataclass
class Site:
    """A cloud, and where its portal is."""

    cloud: Cloud
    url: str


@dataclass
class Visitor:
    """Somebody who is signed in, and everything that the browser complained of."""

    site: Site
    context: BrowserContext
    page: Page
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> int:
        """The page, once it is quiet; returns its status."""
        answer = self.page.goto(self.site.url + path)
        assert answer is not None
        return answer.status

    def hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{self.page.url}: {message.text}")


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A cloud of the module's own: what one file's tests do, no other file's see."""
    made = cloud()
    with served(made) as url:
        yield Site(made, url)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("cannot run on this machine: there is no chromium")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


def sign_in(
    site: Site, browser: Browser, who: str, size: str = "wide", *, script: bool = True
) -> Visitor:
    """Through the sign-in page, as everybody."""
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height}, locale="en-US", java_script_enabled=script
    )
    visitor = Visitor(site, context, context.new_page())
    visitor.page.on("console", visitor.hear)
    visitor.page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
    visitor.open("/sign-in")
    visitor.page.fill("#token", site.cloud.tokens[who])
    visitor.page.click("button[type=submit]")
    visitor.page.wait_for_url(f"{site.url}/")
    return visitor
