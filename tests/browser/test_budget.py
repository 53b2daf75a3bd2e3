"""What a customer sees of its budget on its first page."""

from datetime import timedelta

from playwright.sync_api import Browser, expect

from rackrate.app import budgets
from rackrate.app.budgets import NewBudget
from rackrate.core.money import Money
from tests.browser.cloud import CUSTOMER
from tests.browser.conftest import Site, sign_in


def test_the_first_page_shows_a_budget_and_when_leases_stop(site: Site, browser: Browser) -> None:
    world, admin = site.cloud.world, site.cloud.admin
    visitor = sign_in(site, browser, "owner@robotics.example")
    tile = visitor.page.locator("a.kpi", has_text="Budget example-robotics")
    new = NewBudget(CUSTOMER, None, Money.parse("100000000", "CNY"))
    budgets.set_budget(world, admin, new)
    visitor.open("/")
    expect(tile).to_contain_text("¥100,000,000.00 in 2026-11")
    stops = NewBudget(CUSTOMER, None, Money.parse("1", "CNY"), True, timedelta(days=2))
    budgets.set_budget(world, admin, stops)
    site.cloud.settle()
    visitor.open("/")
    expect(tile).to_contain_text("used up: leases stop at")
    budgets.remove(world, admin, CUSTOMER)
    visitor.open("/")
    expect(tile).to_have_count(0)
    assert not visitor.complaints
    visitor.context.close()
