"""The capacity calendar in a browser: with a script, without one, and by the keyboard of a link."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Site, Visitor, sign_in

H100 = "/capacity?what=sku:h100.node&lang=en&theme=light"


@pytest.fixture(scope="module")
def admin(site: Site, browser: Browser) -> Iterator[Visitor]:
    visitor = sign_in(site, browser, "admin")
    yield visitor
    visitor.context.close()


def test_pointing_at_the_chart_lists_every_class_the_supply_and_one_fabric(
    admin: Visitor,
) -> None:
    assert admin.open(H100) == 200
    canvas = admin.page.locator(".figure .chart")
    expect(canvas).to_have_attribute("role", "img")
    box = canvas.bounding_box()
    assert box is not None
    admin.page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.5)
    told = admin.page.locator(".tip-rows")
    expect(told).to_be_visible()
    said = told.inner_text()
    assert "Contract" in said and "Free" in said
    assert "Supply" in said and "Whole nodes free on one fabric" in said
    assert not admin.complaints


def test_the_table_says_what_the_chart_draws(admin: Visitor) -> None:
    admin.open(H100)
    admin.page.click("[data-do=table]")
    heads = admin.page.locator(".figure .data th").all_inner_texts()
    assert heads[:3] == ["From", "Supply", "Contract"] and heads[-1] == "On one fabric"
    first = admin.page.locator(".figure .data tbody tr").first.locator("td").all_inner_texts()
    figures = [0 if text == "–" else int(text) for text in first[1:-1]]
    assert figures[0] == sum(figures[1:]), "the uses add up to the supply"


def test_it_all_works_without_a_script(site: Site, browser: Browser) -> None:
    visitor = sign_in(site, browser, "admin", script=False)
    assert visitor.open(H100) == 200
    assert visitor.page.locator(".figure .data tbody tr").first.is_visible()
    assert visitor.page.locator(".lane-bars").first.is_visible()
    visitor.page.select_option("select[name=what]", "chip:h20")
    visitor.page.click("form.calendar-filters button")
    visitor.page.wait_for_url(re.compile("what=chip%3Ah20"))
    assert "H20" in visitor.page.locator(".panel h2").first.inner_text()
    visitor.page.click("text=GPUs")
    visitor.page.wait_for_url(re.compile("unit=gpus"))
    visitor.context.close()


def test_it_fits_a_telephone(site: Site, browser: Browser) -> None:
    visitor = sign_in(site, browser, "admin", "small")
    visitor.open(f"{H100}&lang=zh")
    visitor.page.wait_for_selector(".figure.drawn")
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= 390
    assert not visitor.complaints
    visitor.context.close()


def test_a_question_that_makes_no_sense_is_refused_on_the_page(admin: Visitor) -> None:
    for query in (
        "what=nonsense",
        "what=sku:nope",
        "what=sku:h100.node&period=9y",
        "what=sku:h100.node&unit=racks",
        "what=sku:h100.node&start=soon",
        "what=sku:h100.node&start=9999-12-31",
        "what=sku:h100.node&site=sim-north",
    ):
        assert admin.open(f"/capacity?{query}&lang=en") in (404, 422), query
        assert admin.page.locator(".refusal").is_visible()
        assert admin.page.locator("select[name=what]").is_visible(), "to ask again"


def test_a_customer_is_not_shown_the_calendar(site: Site, browser: Browser) -> None:
    visitor = sign_in(site, browser, "owner@robotics.example")
    assert visitor.open("/capacity") == 403
    assert visitor.page.locator("nav a[href='/capacity']").count() == 0
    assert visitor.open("/contracts/robotics-2026?lang=en") == 200
    assert "Delivered" in visitor.page.locator("main").inner_text()
    visitor.context.close()


def test_the_link_to_a_quote_takes_the_question_along(admin: Visitor) -> None:
    admin.open(f"{H100}&start=2027-03-01&period=60m")
    admin.page.fill("input[name=nodes]", "4")
    admin.page.click("text=Ask for a quote")
    admin.page.wait_for_url(re.compile(r"/quotes/new\?"))
    assert "sku=h100.node" in admin.page.url and "start=2027-03-01" in admin.page.url
    assert admin.page.locator("[name=nodes]").input_value() == "4"
