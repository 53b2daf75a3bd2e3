"""What stores keep of contracts: prices, commitments on all kinds of terms, and deliveries."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from rackrate.core.contract import (
    Acceptance,
    Amendment,
    AmendmentKind,
    Broken,
    Commitment,
    CommitmentKind,
    Contract,
    Damages,
    Delivery,
    EarlyEnd,
    Indexation,
    PaymentTerm,
    Renewal,
    Step,
    UpgradeRight,
)
from rackrate.core.contract import Terms as Agreed
from rackrate.core.contract_price import ContractPrice, PriceUnit, Tier
from rackrate.core.ids import (
    ChipId,
    ContractId,
    CustomerId,
    EntityId,
    NodeId,
    ProjectId,
    SiteId,
    SkuId,
)
from rackrate.core.interval import Interval
from rackrate.core.money import Money

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
QUARTER = Interval(NOON, NOON + 90 * DAY)
ENTITY, SITE, SKU = EntityId("seller"), SiteId("north"), SkuId("h100.1")
ACME, ACME_LAB = CustomerId("acme"), ProjectId("acme-lab")


def cny(minor: int) -> Money:
    return Money(minor, "CNY")


CONTRACT_ROWS = (
    ContractPrice(
        "cp1", SKU, "CNY", NOON, False, "per node and calendar month", Decimal("7.5"),
        (Tier(12, 1, Decimal("70000.00")), Tier(36, 1, Decimal("50000.00"))),
    ),
    ContractPrice(
        "cp2", SKU, "USD", NOON, True, "power included", Decimal(0),
        (Tier(1, 1, Decimal("2.1780")),), PriceUnit.GPU_HOUR, 730, Decimal(8),
    ),
    ContractPrice(
        "cp3", SKU, "CNY", NOON, False, "a tender", Decimal(0),
        (Tier(1, 1, Decimal(9800)),), PriceUnit.PFLOPS_MONTH, 0, Decimal("7.9136"), "BF16 dense",
    ),
    Contract(
        ContractId("ctr_1"), ENTITY, ACME, ACME_LAB, "CNY",
        (
            Commitment(
                1, CommitmentKind.CAPACITY, "", QUARTER, cny(9_007_199_254_740_993), SKU, SITE, 1,
                True, ended=NOON + 80 * DAY,
            ),
            Commitment(2, CommitmentKind.ONE_OFF, "Re-fitting", QUARTER, cny(7), order=1),
        ),
        Decimal("12.5"), True, NOON, "three months",
        Agreed(
            Acceptance.HEALTH, Renewal(12, NOON + 60 * DAY, Decimal("95.5"), False),
            EarlyEnd(Decimal(30), 90, NOON), Damages(Decimal("0.5"), Decimal(20)),
            UpgradeRight(ChipId("b300"), NOON, Decimal(10)), Decimal(25), ("CN", "SG"), True,
        ),
        (Amendment(1, AmendmentKind.END, NOON, NOON, "ends", "a note", cny(1), cny(2), cny(3)),),
        NOON + 80 * DAY,
    ),
    Contract(
        ContractId("ctr_2"), ENTITY, ACME, ACME_LAB, "CNY",
        (
            Commitment(1, CommitmentKind.SERVICE, "Support", QUARTER, cny(5), total=cny(16)),
            Commitment(
                2, CommitmentKind.CAPACITY, "", QUARTER, cny(0), SKU, SITE, 1,
                hourly=Decimal("12.345678901"), since=NOON,
            ),
            Commitment(3, CommitmentKind.ONE_OFF, "Integration", QUARTER, cny(7), waits=True),
        ),
        Decimal(0), False, NOON,
        terms=Agreed(
            payment=PaymentTerm(broken=Broken.DAY),
            indexation=Indexation(Decimal("3.5"), 12, Decimal(4), None),
            steps=(Step(1, Decimal(50)), Step(4, Decimal(100))),
        ),
    ),
    Delivery("ctr_2/3/1", ContractId("ctr_2"), ACME, 3, 1, 0, NOON, NOON, NOON + HOUR, "dora"),
    Delivery(
        "ctr_1/1/1", ContractId("ctr_1"), ACME, 1, 1, 1, NOON, NOON, NOON + HOUR, "health",
        (NodeId("node-1"),),
    ),
    Delivery("ctr_1/1/2", ContractId("ctr_1"), ACME, 1, 2, 1, NOON + DAY),
)  # fmt: skip
