"""The price page: what holds and is to come, filtered, and as CSV; the floor is the seller's."""

import csv
import io

from rackrate.app import manifest
from tests.browser.conftest import Site
from tests.browser.test_guard import Client

NEXT_YEAR = """
kind: price_book
currency: CNY
tax_included: false
effective: 2027-01-01
until: 2028-01-01
time_zone: Asia/Shanghai
basis: "=list of 2027, power and cooling included"
per_slot_hour: {h100.1: {on_demand: 17.00}}
"""


def test_the_book_is_filtered_and_kept_as_a_file_and_only_the_seller_sees_its_floor(
    site: Site,
) -> None:
    manifest.apply(site.cloud.world, site.cloud.admin, [("p.yaml", NEXT_YEAR)])
    seller, buyer = Client(site.url), Client(site.url)
    seller.sign_in(site.cloud.tokens["admin"])
    buyer.sign_in(site.cloud.tokens["owner@studio.example"])
    asked = "?item=h100.1&class=on_demand&state=coming"
    body = seller.get(f"/prices{asked}").body
    assert "17.00" in body and "2028-01-01" in body and "1 of " in body
    text = seller.get(f"/prices.csv{asked}").body.removeprefix("\ufeff")
    (row,) = csv.DictReader(io.StringIO(text))
    assert (row["amount"], row["until"]) == ("17.00", "2027-12-31T16:00:00Z")
    assert (row["state"], row["basis"][:2]) == ("coming", "'=")
    # 70,000 a month for a node; 5 % off needs nobody else, which a buyer is not told.
    assert "66,500.00" in seller.get("/prices").body
    seen = buyer.get("/prices").body
    assert "70,000.00" in seen and "66,500.00" not in seen and "without a second person" not in seen
    chinese = buyer.get("/prices?lang=zh").body
    assert "每节点每自然月，不含税，含电力与制冷" in chinese
