"""Rows of contracts over use: flexible nodes, a minimum, overage and a balance; and a quote."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from rackrate.core.contract import (
    Commitment,
    CommitmentKind,
    Contract,
    Left,
    Overage,
    PaymentTerm,
    Prepaid,
    Rate,
    RatedAt,
    Rates,
    Terms,
    TrueUp,
    Use,
)
from rackrate.core.ids import (
    ContractId,
    CustomerId,
    EntityId,
    PrincipalId,
    ProjectId,
    QuoteId,
    SiteId,
    SkuId,
)
from rackrate.core.interval import Interval
from rackrate.core.money import Money
from rackrate.core.pricing import Unit
from rackrate.core.quote import Quote, QuoteLine


def use_rows(
    entity: EntityId, whose: tuple[CustomerId, ProjectId], site: SiteId, sku: SkuId
) -> tuple[Contract, Quote]:
    """A contract of both kinds, and a quote that holds nothing but flexible nodes."""
    noon = datetime(2026, 11, 22, 12, tzinfo=UTC)
    during, zero = Interval(noon, noon + timedelta(days=90)), Money(0, "CNY")
    rate = Rate(sku, Decimal("12.345678901"), Unit.SLOT_HOUR, 4)
    flexible = Use(Rates(rates=(rate,)))
    least = Use(Rates(RatedAt.LIST, skus=(sku, SkuId("other"))), TrueUp.YEAR)
    flex = Commitment(1, CommitmentKind.FLEX, "", during, zero, sku, site, 1, use=flexible)
    use = Commitment(2, CommitmentKind.USE, "By the hour", during, Money(7, "CNY"), use=least)
    terms = Terms(
        payment=PaymentTerm(
            prepaid=Prepaid.WALLET, left=Left.FORFEIT, tell_percent=Decimal("12.5")
        ),
        overage=Overage(Rates(rates=(rate,))),
    )
    signed = Contract(
        ContractId("ctr_3"), entity, *whose, "CNY", (flex, use), Decimal(20), True, noon,
        "over use", terms,
    )  # fmt: skip
    lines = (QuoteLine(flex, basis="as agreed"), QuoteLine(use, basis="at least"))
    quoted = Quote(
        QuoteId("quo_4"), entity, *whose, lines, False, False, False, Decimal(20), False,
        PrincipalId("dora"), noon, noon + timedelta(days=14), terms=terms,
    )  # fmt: skip
    return signed, quoted
