"""What stores keep of published indices, and of prices that follow them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from rackrate.core.ids import IndexId, SkuId
from rackrate.core.lease import LeaseClass
from rackrate.core.price_index import IndexValue, PriceIndex
from rackrate.core.pricing import Price, Rule, Unit
from tests.contract.metered_rows import NOON

INDEX = IndexId("example-h100")
LATER = datetime(2026, 12, 1, tzinfo=UTC)
PRICE_ROWS: tuple[object, ...] = (
    PriceIndex(INDEX, "Example (sample)", "CNY", Unit.GPU_HOUR, False, "a test", 14),
    IndexValue("example-h100/1", INDEX, NOON, Decimal("9.80"), "a test"),
    IndexValue("example-h100/2", INDEX, LATER, Decimal("0.000000000001"), "指数"),
    Price(
        "by-index", SkuId("h100.1"), LeaseClass.SPOT, "CNY", Decimal("8.82"), False, NOON,
        timedelta(minutes=5), Unit.GPU_HOUR,
        rule=Rule(f"index/{INDEX}", SkuId("h100.1"), Decimal("0.9"), Decimal(5), Decimal("12.5")),
    ),
)  # fmt: skip
