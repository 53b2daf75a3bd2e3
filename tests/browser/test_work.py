"""What people do in the portal, done in a real browser: lease, watch, stop, drain, pay, jump."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, expect

from rackrate.app import fleet, leasing
from rackrate.core.ids import NodeId
from rackrate.core.inventory import NodeState
from tests.browser.cloud import STARTS_IN
from tests.browser.conftest import Site, Visitor, sign_in


@pytest.fixture
def operator(site: Site, browser: Browser) -> Iterator[Visitor]:
    visitor = sign_in(site, browser, "admin")
    yield visitor
    visitor.context.close()


@pytest.fixture
def owner(site: Site, browser: Browser) -> Iterator[Visitor]:
    visitor = sign_in(site, browser, "owner@robotics.example")
    yield visitor
    visitor.context.close()


def test_a_lease_is_started_watched_and_stopped_without_loading_the_page(owner: Visitor) -> None:
    page, cloud = owner.page, owner.site.cloud
    owner.open("/start")
    page.check("input[value='h20.1']", force=True)
    page.fill("#count", "3")
    expect(page.locator("#quote")).to_contain_text("¥19.20")
    page.fill("#name", "by hand")
    page.click("#quote button")
    expect(page.locator(".done")).to_contain_text("Billing starts when the health check passes")
    expect(page.locator("#live [data-live=state]")).to_have_text("Waiting")
    cloud.settle()
    expect(page.locator("#live [data-live=state]")).to_have_text("Health check")
    expect(page.locator("#live [data-live=cost]")).to_have_text("¥0.00")
    cloud.to(cloud.clock.now() + STARTS_IN)
    expect(page.locator("#live [data-live=state]")).to_have_text("Running")
    cloud.to(cloud.clock.now() + timedelta(hours=1))
    page.locator("#stop button").click()
    expect(page.locator("#live [data-live=cost]")).to_have_text("¥19.20")
    cloud.settle()
    expect(page.locator("#live [data-live=state]")).to_have_text("Stopped")
    assert not owner.complaints


def test_a_request_that_cannot_be_met_says_what_could(owner: Visitor) -> None:
    page = owner.page
    owner.open("/start")
    page.check("input[value='h20.1']", force=True)
    page.fill("#count", "9")
    page.click("#quote button")
    refusal = page.locator(".refusal")
    expect(refusal).to_contain_text("There is not enough free for this")
    expect(refusal).to_contain_text(re.compile(r"At most \d+ are free on one node"))
    expect(refusal).to_contain_text("no_capacity")
    expect(page.locator("#count")).to_have_value("9")


def test_a_form_that_is_sent_twice_is_carried_out_once(owner: Visitor) -> None:
    page, cloud = owner.page, owner.site.cloud
    before = len(leasing.find(cloud.world, cloud.admin, leasing.Filter()))
    owner.open("/start")
    page.evaluate(
        "async () => { const form = document.querySelector('form[action=\"/start\"]');"
        " const send = () => fetch('/start', {method: 'POST', body: new URLSearchParams("
        "new FormData(form))}); await send(); await send(); }"
    )
    assert len(leasing.find(cloud.world, cloud.admin, leasing.Filter())) == before + 1


def test_a_list_of_leases_shows_a_change_by_itself(owner: Visitor) -> None:
    page, cloud = owner.page, owner.site.cloud
    owner.open("/leases?state=all")
    lease = cloud.leases["long run"]
    state = page.locator(f"[data-live='{lease}-state']")
    expect(state).to_have_text("Running")
    leasing.stop(cloud.world, cloud.admin, lease)
    cloud.settle()
    expect(state).to_have_text("Stopped")


def test_a_node_is_found_on_the_map_by_keyboard_and_drained(operator: Visitor) -> None:
    page, cloud = operator.page, operator.site.cloud
    operator.open("/fleet")
    page.wait_for_selector("#map[data-drawn]")
    page.locator("canvas").nth(1).focus()
    for key in ("ArrowRight", "ArrowRight", "Shift+ArrowRight", "Enter"):
        page.keyboard.press(key)
    inspector = page.locator("#inspector")
    expect(inspector.locator("h2")).to_have_text("north-ascend-910b-001")
    inspector.locator("#note").fill("fan")
    inspector.get_by_role("button", name="Drain this node").click()
    expect(page.locator(".done")).to_be_visible()
    node = fleet.show_node(cloud.world, cloud.admin, NodeId("north-ascend-910b-001")).node
    assert (node.state, node.note) == (NodeState.DRAINING, "fan")
    page.get_by_role("button", name="Return to service").click()
    expect(page.locator(".pill").first).to_have_text("In service")
    assert not operator.complaints


def test_the_legend_of_the_map_isolates_a_class(operator: Visitor) -> None:
    page = operator.page
    operator.open("/fleet")
    page.wait_for_selector("#map[data-drawn]")
    contract = page.locator("#classes [data-fill=contract]")
    contract.click()
    expect(contract).to_have_attribute("aria-pressed", "true")
    contract.click()
    expect(contract).to_have_attribute("aria-pressed", "false")


def test_finance_posts_a_payment_and_the_invoice_is_paid(site: Site, browser: Browser) -> None:
    visitor = sign_in(site, browser, "finance")
    page = visitor.page
    visitor.open("/invoices/EX-2026-000005")
    expect(page.locator(".eq")).to_contain_text("rounded once")
    page.fill("#reference", "bank 77")
    page.locator("#pay button").click()
    expect(page.locator(".head .pill")).to_have_text("Paid")
    visitor.open("/ledger")
    expect(page.locator(".head .pill")).to_have_text("Balances to the cent")
    expect(page.locator("tr", has_text="payment/").first).to_contain_text("66,710.80")
    assert not visitor.complaints
    visitor.context.close()


def test_keys_go_to_pages_and_jump_to_things(operator: Visitor) -> None:
    page, url = operator.page, operator.site.url
    page.keyboard.press("g")
    page.keyboard.press("l")
    page.wait_for_url(f"{url}/leases")
    page.keyboard.press("/")
    page.keyboard.type("north-h20-002")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{url}/nodes/north-h20-002")
    page.keyboard.press("/")
    page.keyboard.type("sweep")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{url}/leases/{operator.site.cloud.leases['sweep']}")


def test_everything_works_without_a_script(site: Site, browser: Browser) -> None:
    visitor = sign_in(site, browser, "admin", script=False)
    page = visitor.page
    visitor.open("/fleet")
    expect(page.locator(".no-map table").first).to_be_visible()
    visitor.open("/contracts/robotics-2026")
    expect(page.locator(".figure .data table")).to_be_visible()
    expect(page.locator(".figure .chart").first).to_be_hidden()
    visitor.open("/start")
    page.check("input[value='h800.1']", force=True)
    page.click("#quote button")
    expect(page.locator(".done")).to_be_visible()
    page.locator("#end button").click()
    expect(page.locator(".done")).to_contain_text("for good")
    visitor.context.close()


def test_the_colours_and_the_language_are_kept(operator: Visitor) -> None:
    page = operator.page
    page.click("[data-look=language]")
    expect(page.locator("h1")).to_have_text("概览")
    page.click("[data-look=theme]")
    page.click("[data-look=theme]")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    operator.open("/leases")
    expect(page.locator("h1")).to_have_text("租约")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_a_small_screen_needs_no_sideways_scrolling(site: Site, browser: Browser) -> None:
    visitor = sign_in(site, browser, "owner@robotics.example", "small")
    mine = ("/", "/leases", "/start", "/invoices", "/contracts/robotics-2026", "/projects")
    for path in (*mine, "/billing", "/prices"):
        visitor.open(path)
        width = visitor.page.evaluate("document.documentElement.scrollWidth")
        assert width <= 390, path
    visitor.open("/projects")
    button = visitor.page.locator("button[aria-label^='Take away']").first.bounding_box()
    card = visitor.page.get_by_role("region", name="Members").bounding_box()
    assert button is not None and card is not None
    assert button["x"] + button["width"] <= card["x"] + card["width"] - 8
    visitor.context.close()
