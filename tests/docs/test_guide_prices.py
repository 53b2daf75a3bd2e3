"""The guide on prices: its files are applied as they stand, and mean what it says."""

import shlex
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from rackrate.app.indices import publish
from rackrate.core.ids import CustomerId, IndexId, SkuId
from rackrate.core.lease import LeaseClass
from rackrate.core.pricing import Price, PriceBook
from tests.app.operator_files import rows
from tests.app.test_price_book import matrix
from tests.build import CUSTOMERS, SMALL, build
from tests.docs.reading import ROOT, blocks

GUIDE = ROOT / "docs" / "guides" / "set-prices.md"
ACME = CUSTOMERS.replace("robotics", "acme")
FEBRUARY = datetime(2027, 2, 1, tzinfo=UTC)


def test_the_files_of_the_guide_are_applied_and_mean_what_it_says() -> None:
    book, rules = (block.text for block in blocks(GUIDE.read_text()) if "on_demand" in block.text)
    head = book.partition("per_slot_hour")[0].replace("customer: acme", "#").replace("site: ", "#")
    built = build(SMALL, ACME, matrix("62050.00"))
    built.apply(book, head + rules)
    prices = PriceBook(rows(built, Price).values())

    def hourly(customer: str | None, sku: str) -> Fraction:
        mine = prices.of(None if customer is None else CustomerId(customer))
        return mine.at(SkuId(sku), LeaseClass.ON_DEMAND, "CNY", FEBRUARY).hourly

    assert hourly("acme", "h100.1") == 17
    assert hourly("acme", "h100.node") == Fraction(93_000, 730 * 8)
    assert hourly(None, "h100.1") == Fraction("1.6") * 62_050 / (730 * 8)


def test_spot_of_the_guide_follows_its_index_within_its_floor_and_its_cap() -> None:
    texts = [block.text for block in blocks(GUIDE.read_text())]
    files = next(text for text in texts if "kind: price_index" in text)
    command = next(text for text in texts if "rackrate price index publish" in text)
    (words,) = [line for line in command.splitlines() if " publish " in line]
    name, value, _, since = shlex.split(words)[4:8]
    built = build(SMALL.replace(", spot: 8.50", ""), CUSTOMERS, files)
    at = datetime.fromisoformat(since).astimezone(UTC)
    publish(built.world, built.admin, IndexId(name), Decimal(value), at)
    publish(built.world, built.admin, IndexId(name), Decimal("3.00"), at + timedelta(days=7))
    prices = PriceBook(rows(built, Price).values())
    days = (FEBRUARY, at - timedelta(seconds=1), at, at + timedelta(days=7))
    held = [prices.at(SkuId("h100.1"), LeaseClass.SPOT, "CNY", day).amount for day in days]
    assert held == [Decimal("9.09"), Decimal("9.09"), Decimal("10.26"), Decimal("5.00")]
