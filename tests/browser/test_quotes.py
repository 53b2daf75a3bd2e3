"""A quote in a real browser: answered while it is filled in, held with one button, signed."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Site, Visitor, sign_in

NEW = "/quotes/new?sku=h100.node&project=robotics-training&start=2027-03-01&nodes=8&months=36"


@pytest.fixture
def operator(site: Site, browser: Browser) -> Iterator[Visitor]:
    visitor = sign_in(site, browser, "admin")
    yield visitor
    visitor.context.close()


def test_the_form_answers_as_it_is_filled_in_and_one_button_holds(operator: Visitor) -> None:
    page = operator.page
    operator.open(NEW)
    answer = page.locator("#answer")
    expect(answer.locator(".note.ok")).to_contain_text("Yes: 8 × h100.node, 2027-03-01 to 2030")
    expect(answer.locator("td.on")).to_have_count(1)
    expect(answer.locator("td.on")).to_contain_text("59,100.00")
    # Fewer nodes reach another tier, and the page is not loaded for it.
    page.evaluate("window.same = true")
    page.fill("#nodes", "3")
    expect(answer.locator("td.on")).to_contain_text("61,600.00")
    expect(answer.locator("[data-live=total]")).to_have_text("¥6,652,800.00")
    page.fill("#nodes", "20")
    expect(answer.locator(".note.warn")).to_contain_text("on one block are not free")
    expect(answer.locator("button")).to_have_count(0)
    assert page.evaluate("window.same") is True
    # An alternative fills the form.
    page.locator(".instead a", has_text="Over several blocks").click()
    expect(page.locator("#fabric")).to_have_value("any")
    expect(page.locator("#nodes")).to_have_value("20")
    expect(answer.locator(".note.ok")).to_contain_text("Yes: 20 ×")
    page.select_option("#acceptance", "health")
    button = answer.locator("button[type=submit]")
    expect(button).to_have_text("Hold 20 nodes and create quote")
    button.click()
    expect(page.locator(".done")).to_have_text("The nodes are held, and the quote is there.")
    expect(page.locator(".bar .pill")).to_have_text("Open")
    expect(page.locator("#terms")).to_contain_text("by health evidence")
    page.get_by_role("button", name="Sign", exact=True).click()
    expect(page.locator(".done")).to_contain_text("The quote is signed")
    page.locator("a[href^='/contracts/con_']").click()
    expect(page.locator("h1")).to_contain_text("con_")
    assert not operator.complaints


def test_a_discount_below_the_floor_waits_for_a_second_person(
    operator: Visitor, site: Site, browser: Browser
) -> None:
    page = operator.page
    operator.open(f"{NEW}&sku=h20.node&discount=12".replace("sku=h100.node&", ""))
    page.locator("#answer button[type=submit]").click()
    expect(page.locator(".bar .pill")).to_have_text("Waits for approval")
    assert page.get_by_role("button", name="Sign", exact=True).count() == 0
    assert page.get_by_role("button", name="Approve the discount").count() == 0
    second = sign_in(site, browser, "finance")
    second.open(page.url.removeprefix(site.url).partition("?")[0])
    second.page.get_by_role("button", name="Approve the discount").click()
    expect(second.page.locator(".bar .pill")).to_have_text("Open")
    second.context.close()
    page.reload()
    page.get_by_role("button", name="Withdraw").click()
    expect(page.locator(".bar .pill")).to_have_text("Withdrawn")
    expect(page.get_by_text("Its nodes can be promised to others.")).to_be_visible()


def test_without_a_script_the_form_answers_and_links_fill_it(site: Site, browser: Browser) -> None:
    visitor = sign_in(site, browser, "admin", script=False)
    visitor.open(NEW.replace("nodes=8", "nodes=20").replace("h100", "h800"))
    visitor.page.locator(".instead a").first.click()
    expect(visitor.page.locator("#nodes")).to_have_value("16")
    visitor.page.fill("#nodes", "2")
    visitor.page.get_by_role("button", name="Answer again").click()
    expect(visitor.page.locator("#answer .note.ok")).to_contain_text("Yes: 2 ×")
    visitor.context.close()


def test_lines_are_added_answered_live_removed_held_and_listed(operator: Visitor) -> None:
    page = operator.page
    operator.open(NEW.replace("h100", "h800").replace("nodes=8", "nodes=4"))
    answer = page.locator("#answer")
    page.get_by_role("button", name="+ More nodes").click()
    page.fill("#line-2-nodes", "12")
    page.fill("#line-2-start", "2027-06-01")
    expect(answer.locator(".note.ok")).to_contain_text("Yes: all 2 lines")
    page.get_by_role("button", name="+ Something paid once").click()
    page.fill("#line-3-amount", "200000")
    expect(answer.locator("table.quote-lines")).to_contain_text("¥200,000.00")
    page.get_by_role("button", name="+ A service by the month").click()
    page.get_by_role("button", name="Remove line 4").click()
    expect(page.locator("#line-4")).to_have_count(0)
    # What does not fit is named, and an alternative fills the lines in.
    page.fill("#line-2-nodes", "14")
    expect(answer.locator(".note.warn")).to_contain_text("No: line 2, 14 x h800.node on one block")
    page.locator(".instead a", has_text="Fewer").click()
    expect(page.locator("#line-2-nodes")).to_have_value("12")
    expect(page.locator("#line-3-amount")).to_have_value("200000")
    answer.locator("button[type=submit]").click()
    expect(page.locator(".done")).to_have_text("The nodes are held, and the quote is there.")
    expect(page.locator("table.quote-lines tbody tr")).to_have_count(3)
    page.get_by_role("button", name="Sign", exact=True).click()
    page.locator("a[href^='/contracts/con_']").click()
    expect(page.locator("main")).to_contain_text("Set-up")


def test_without_a_script_lines_are_added_and_removed(site: Site, browser: Browser) -> None:
    visitor = sign_in(site, browser, "admin", script=False)
    visitor.open(NEW.replace("h100", "h20").replace("nodes=8", "nodes=1"))
    visitor.page.get_by_role("button", name="+ A service by the month").click()
    visitor.page.fill("#line-2-amount", "30000")
    visitor.page.get_by_role("button", name="Answer again").click()
    expect(visitor.page.locator("#answer table.quote-lines")).to_contain_text("¥30,000.00")
    assert "csrf" not in visitor.page.url
    visitor.page.get_by_role("button", name="Remove line 2").click()
    expect(visitor.page.locator("#answer table.quote-lines")).to_have_count(0)
    visitor.context.close()


LINES = (
    "&line_kind=service&line_sku=&line_title=Support&line_nodes=&line_start=&line_end="
    "&line_amount=30000"
)


@pytest.mark.parametrize("path", [NEW.replace("nodes=8", "nodes=20") + LINES, "/quotes"])
def test_on_a_telephone_nothing_is_wider_than_the_page(
    site: Site, browser: Browser, path: str
) -> None:
    visitor = sign_in(site, browser, "admin", "small")
    visitor.open(path)
    assert visitor.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    visitor.context.close()


def test_what_cannot_be_read_is_said_and_the_form_stays(operator: Visitor) -> None:
    operator.open(NEW.replace("months=36", "months=6"))
    note = operator.page.locator("#answer .note.bad")
    expect(note).to_contain_text("There is no price for this")
    expect(note).to_contain_text("contract prices of h100.node in CNY begin at 12 months")
    expect(operator.page.locator("#nodes")).to_have_value("8")
