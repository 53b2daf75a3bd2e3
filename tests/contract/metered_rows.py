"""What stores keep of public addresses and of readings."""

from datetime import UTC, datetime, timedelta

from rackrate.core.address import Address, AddressPool
from rackrate.core.ids import CustomerId, LeaseId, ProjectId, SiteId
from rackrate.core.interval import Interval, Span
from rackrate.core.reading import Item, Reading

ACME, ACME_LAB = CustomerId("acme"), ProjectId("acme-lab")
BOLT, BOLT_LAB = CustomerId("bolt"), ProjectId("bolt-lab")
SITE, LEASE = SiteId("north"), LeaseId("lse_1")
NOON, HOUR = datetime(2026, 11, 1, 12, tzinfo=UTC), timedelta(hours=1)
PAST = Interval(NOON - HOUR, NOON)

POOL = AddressPool("north-public", SITE, ("192.0.2.0/28", "2001:db8::/64"), ("192.0.2.0",), HOUR, 4)
HELD = Address(
    "adr_1", ACME, ACME_LAB, SITE, POOL.id, "192.0.2.1", "front", Span(NOON), None, LEASE, NOON
)
RESTS = Address(
    "adr_2", BOLT, BOLT_LAB, SITE, POOL.id, "192.0.2.2", "", Span(NOON, NOON + HOUR),
    NOON + 2 * HOUR,
)  # fmt: skip
READ = Reading("edge/1", "edge", ACME, ACME_LAB, SITE, Item.EGRESS, 10**18, PAST, NOON, LEASE)
METERED_ROWS: tuple[object, ...] = (
    POOL, HELD, RESTS, READ,
    Reading("edge/2", "edge", BOLT, BOLT_LAB, SITE, Item.EGRESS, 0, PAST, NOON + HOUR),
)  # fmt: skip
