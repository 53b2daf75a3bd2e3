"""A contract's page: a node that failed is replaced there, and its schedule is had as a file."""

import csv
import io

from playwright.sync_api import Browser, expect

from rackrate.app import billing, delivery, manifest, sales, upkeep
from rackrate.core.ids import ContractId
from rackrate.core.interval import Month
from rackrate.core.inventory import NodeState
from tests.browser.cloud import ENTITY, at
from tests.browser.conftest import Site, sign_in
from tests.browser.test_guard import Client

K = ContractId("robotics-2026")
PAGE = f"/contracts/{K}"


def test_a_node_that_failed_after_its_delivery_is_replaced_by_a_free_one(site: Site) -> None:
    world, admin = site.cloud.world, site.cloud.admin
    batch = delivery.deliver(world, admin, K, 1, 1)
    operator, owner = Client(site.url), Client(site.url)
    operator.sign_in(site.cloud.tokens["admin"])
    owner.sign_in(site.cloud.tokens["owner@robotics.example"])
    assert f"{PAGE}/replace" not in operator.get(PAGE).body
    gone = batch.names[-1]
    broken = upkeep.Step(NodeState.IN_REPAIR, at(12, 24), "board", force=True)
    upkeep.move(world, admin, gone, broken)
    assert f"{PAGE}/replace" not in owner.get(PAGE).body
    body = operator.get(PAGE).body
    assert f"Replace {gone}" in body and "could take its place" in body
    done = operator.post(f"{PAGE}/replace", node=gone, **operator.form(PAGE))
    assert done.headers["Location"] == f"{PAGE}?done=replaced"
    (after,) = sales.deliveries(world, admin, K)
    assert gone not in after.names and len(after.names) == len(batch.names)
    again = operator.post(f"{PAGE}/replace", node=gone, **operator.form(PAGE))
    assert again.status == 409 and "is named in no batch" in again.body


def test_one_table_says_what_both_charts_of_the_schedule_draw(site: Site, browser: Browser) -> None:
    visitor = sign_in(site, browser, "owner@robotics.example")
    visitor.open(PAGE)
    figure = visitor.page.locator("#schedule .figure")
    expect(figure.locator(".chart canvas")).to_have_count(2)
    figure.locator("[data-do=table]").click()
    expect(figure.locator(".charts")).to_be_hidden()
    expect(figure.locator("tbody tr").first).to_contain_text("3,920,000.00")
    figure.locator("[data-do=table]").click()
    expect(figure.locator(".charts")).to_be_visible()
    assert not visitor.complaints
    visitor.context.close()


def test_the_schedule_is_the_same_as_a_file(site: Site) -> None:
    owner = Client(site.url)
    owner.sign_in(site.cloud.tokens["owner@robotics.example"])
    text = owner.get(f"{PAGE}/schedule.csv").body.removeprefix("\ufeff")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 36
    assert (rows[0]["from_prepayment"], rows[0]["prepaid_left"]) == ("112000.00", "3920000.00")
    assert (rows[-1]["prepaid_left"], rows[-1]["backlog_net"]) == ("0.00", "0.00")


BY_USE = """
kind: contract
name: by-use
project: studio-render
currency: CNY
time_zone: Asia/Shanghai
prepayment_percent: 50
tax_included: false
lines:
  - {kind: use, start: 2026-11-24, end: 2027-05-24, minimum: 7000.00,
     rates: [{sku: h100.1, amount: 12.00}]}
  - {kind: service, title: Support, start: 2026-11-24, end: 2027-05-24, monthly: 100.00}
terms:
  overage: {at: list}
  indexation: {percent: 3, cap_percent: 8}
  steps: [{month: 1, percent: 50}, {month: 4, percent: 100}]
  payment: {prepaid: wallet, broken: day}
"""


def test_use_under_a_contract_stands_on_its_page_with_what_is_missing(site: Site) -> None:
    cloud = site.cloud
    manifest.apply(cloud.world, cloud.admin, [("use.yaml", BY_USE)])
    cloud.to(at(12, 1, 2))
    billing.close(cloud.world, cloud.admin, ENTITY, Month(2026, 11))
    seller = Client(site.url)
    seller.sign_in(cloud.tokens["admin"])
    body = seller.get("/contracts/by-use").body
    for said in ("Shortfall", "h100.1 12.00 per GPU-hour", "a balance for use", "by the day"):
        assert said in body, said
    for said in ("3% every 12 months", "at most 8% in all", "50% from month 1 on"):
        assert said in body, said
    # Seven of thirty days of 7,000, and none of it used: that is drawn from what was prepaid.
    assert body.count("1,633.33") >= 2
