"""Every page in both themes and both languages: no serious barrier, no complaint, not too large."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import Site, Visitor, sign_in

AXE = (Path(__file__).parent / "axe.min.js").read_text("utf-8")
NAMES = ["button-name", "document-title", "input-button-name", "label", "link-name", "valid-lang"]
LANGUAGES = {"en": "en", "zh": "zh-CN"}
OPERATOR = (
    "/",
    "/fleet?node=north-h20-002",
    "/nodes",
    "/nodes/north-h20-009",
    "/nodes/north-h20-001?act=drain&from=2027-05-01&until=2027-05-08",
    "/purchase-orders",
    "/purchase-orders/li-2026-003",
    "/purchase-orders/po-2026-014?batch=1&to=2027-05-01&act=slip",
    "/start",
    "/leases?state=all",
    "/leases/{sweep}",
    "/leases/{just asked for}",
    "/leases/{foundation}/logs",
    "/prices",
    "/capacity?unit=gpus&period=60m",
    "/quotes",
    "/quotes/quo_00000001",
    "/quotes/new?nodes=20",
    "/contracts",
    "/contracts/robotics-2026",
    "/customers",
    "/customers/example-robotics",
    "/customers/example-studio/billing",
    "/projects/studio-render",
    "/invoices",
    "/invoices/EX-2026-000004",
    "/invoices/EX-2026-000001",
    "/invoices/preview?customer=example-studio",
    "/receivables",
    "/ledger",
    "/notifications",
    "/notifications?customer=example-studio&state=no_channel",
    "/audit",
    "/tokens",
    "/jump",
)
CUSTOMER = (
    "/",
    "/start",
    "/leases",
    "/quotes",
    "/quotes/quo_00000001",
    "/contracts",
    "/invoices",
    "/billing",
    "/projects",
    "/tokens",
    "/notifications",
    "/audit",
)


@pytest.fixture(scope="module")
def operator(site: Site, browser: Browser) -> Iterator[Visitor]:
    visitor = sign_in(site, browser, "admin")
    yield visitor
    visitor.context.close()


@pytest.fixture(scope="module")
def customer(site: Site, browser: Browser) -> Iterator[Visitor]:
    visitor = sign_in(site, browser, "owner@robotics.example")
    yield visitor
    visitor.context.close()


def look(visitor: Visitor, path: str, language: str) -> None:
    """Open a page, and hold it to what every page owes: in Chinese, that its parts have names."""
    visitor.complaints.clear()
    path = path.format_map(visitor.site.cloud.leases)
    joint = "&" if "?" in path else "?"
    assert visitor.open(f"{path}{joint}theme=light&lang={language}") == 200
    page = visitor.page
    if page.locator("#map").count():
        page.wait_for_selector("#map[data-drawn]")
    assert page.evaluate("document.documentElement.lang") == LANGUAGES[language]
    assert len(page.locator("h1").all()) == 1
    page.evaluate(AXE)
    if language == "en":
        barriers = axe(page, "")
        # Of all that is checked only colours differ between themes, and only names by language.
        page.evaluate("document.documentElement.dataset.theme = 'dark'")
        assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
        barriers += axe(page, ", runOnly: ['color-contrast']")
    else:
        barriers = axe(page, f", runOnly: {NAMES}")
    assert not [one for one in barriers if one[0] in ("serious", "critical")]
    assert not visitor.complaints


def axe(page: Page, options: str) -> list[list[str]]:
    """What stands in somebody's way: how badly, which rule, where."""
    found: list[list[str]] = page.evaluate(
        "axe.run(document, {resultTypes: ['violations'], selectors: false, preload: false"
        f"{options}}}).then(r => r.violations.map("
        "v => [v.impact, v.id, v.nodes.slice(0, 3).map(n => n.html).join(' | ')]))"
    )
    return found


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", OPERATOR)
def test_a_page_of_the_operator_is_open_to_everybody(
    operator: Visitor, path: str, language: str
) -> None:
    look(operator, path, language)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", CUSTOMER)
def test_a_page_of_a_customer_is_open_to_everybody(
    customer: Visitor, path: str, language: str
) -> None:
    look(customer, path, language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_sign_in_page_is_open_to_everybody(site: Site, browser: Browser, language: str) -> None:
    context = browser.new_context()
    visitor = Visitor(site, context, context.new_page())
    visitor.page.on("console", visitor.hear)
    look(visitor, "/sign-in", language)
    context.close()
