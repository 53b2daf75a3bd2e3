"""Fleet operations in the portal: a truck is late, and what breaks is seen before the click."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from playwright.sync_api import Browser, expect

from rackrate.app import sales
from rackrate.core.ids import ContractId, ProjectId, SkuId
from rackrate.core.interval import Interval
from rackrate.core.money import Money
from tests.browser.conftest import Site, Visitor, sign_in

ORDER = "/purchase-orders/po-2026-014"


@pytest.fixture
def operator(site: Site, browser: Browser) -> Iterator[Visitor]:
    visitor = sign_in(site, browser, "admin")
    yield visitor
    visitor.context.close()


def promise(site: Site) -> None:
    """With what is promised and held before, eight nodes of it wait for the truck."""
    year = Interval(datetime(2027, 2, 28, 16, tzinfo=UTC), datetime(2028, 2, 28, 16, tzinfo=UTC))
    offer = sales.Offer.of(
        ContractId("robotics-2027"),
        ProjectId("robotics-training"),
        SkuId("h100.node"),
        26,
        year,
        Money(210_000_000, "CNY"),
        Decimal(20),
    )
    sales.sign(site.cloud.world, site.cloud.admin, offer)


def test_a_slip_is_asked_about_then_done_then_mended(operator: Visitor) -> None:
    promise(operator.site)
    page = operator.page
    operator.open(ORDER)
    page.fill("#s-to", "2027-05-01")
    page.click("button[value=slip]")
    asked = page.locator("#asked")
    expect(asked).to_contain_text("robotics-2027")
    expect(asked).to_contain_text("8 nodes")
    operator.open("/purchase-orders")
    expect(page.locator("main")).to_contain_text("Every promise is covered")
    page.go_back()
    asked.locator("button").click()
    expect(page.locator(".done")).to_contain_text("The new day is in the calendar")
    operator.open("/purchase-orders")
    row = page.locator("tr", has_text="robotics-2027")
    expect(row).to_contain_text("po-2026-014 batch 1 slipped from 2027-02-01 to 2027-05-01")
    operator.open(f"{ORDER}?batch=1&to=2027-02-10&act=slip")
    expect(asked).to_contain_text("It mends: robotics-2027")
    asked.locator("button").click()
    operator.open("/purchase-orders")
    expect(page.locator("main")).to_contain_text("Every promise is covered")
    assert not operator.complaints


def test_a_batch_is_advanced_in_part_and_a_past_day_is_refused(operator: Visitor) -> None:
    page = operator.page
    operator.open(ORDER)
    page.select_option("#a-batch", "2")
    page.select_option("#a-to", "in_transit")
    page.fill("#a-count", "3")
    page.get_by_role("button", name="Write it down").click()
    expect(page.locator(".done")).to_contain_text("a batch of its own")
    expect(page.locator("table").first).to_contain_text("In transit")
    operator.open(f"{ORDER}?batch=1&to=2020-01-01&act=slip")
    expect(page.locator(".refusal")).to_contain_text("has passed")
    operator.open(f"{ORDER}?batch=77&to=2028-01-01&act=slip")
    expect(page.locator(".refusal")).to_contain_text("There is nothing here")
