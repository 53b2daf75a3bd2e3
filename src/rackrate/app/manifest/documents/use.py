"""What contracts say of use: rates of flexible nodes, minimums, and what goes beyond the nodes."""

from collections.abc import Callable
from decimal import Decimal

from rackrate.app.manifest.fields import Fields
from rackrate.core.contract import (
    CommitmentKind,
    Overage,
    Rate,
    RatedAt,
    Rates,
    TrueUp,
    Use,
)
from rackrate.core.contract.use import MOST_RATES
from rackrate.core.ids import SkuId
from rackrate.core.inventory import Sku
from rackrate.core.money import MOST_AMOUNT
from rackrate.core.pricing import HIGHEST_AMOUNT, Unit

PER = {"gpu_hour": Unit.GPU_HOUR, "slot_hour": Unit.SLOT_HOUR}
METERED = frozenset({CommitmentKind.FLEX, CommitmentKind.USE})
HIGHEST = HIGHEST_AMOUNT - 1


def price_of(f: Fields, kind: CommitmentKind, nodes: int) -> tuple[str, Decimal]:
    """What is paid in any case: for a month of all its nodes, or at least for its use."""
    if kind is CommitmentKind.USE:
        return "minimum", f.decimal("minimum", Decimal(0), MOST_AMOUNT)
    if f.has("monthly"):
        if f.has("holding"):
            f.wrong("monthly", "and `holding` are two prices; say one of them")
        return "monthly", f.decimal("monthly", Decimal(0), MOST_AMOUNT)
    each = f.decimal("holding", Decimal(0), MOST_AMOUNT / max(nodes, 1))
    return "holding", each * nodes


def use_of(f: Fields, kind: CommitmentKind, sku: str) -> Use | None:
    """At which rates its use is metered; None of what is not metered."""
    if kind is CommitmentKind.FLEX:
        per = PER.get(f.one_of("per", PER, "gpu_hour"), Unit.GPU_HOUR)
        rate = f.decimal("rate", Decimal(0), HIGHEST)
        return Use(Rates(rates=(Rate(SkuId(sku), rate, per),)))
    if kind is not CommitmentKind.USE:
        return None
    each = f.choice("each", TrueUp, TrueUp.MONTH)
    rated = f.choice("at", RatedAt, RatedAt.CONTRACT)
    rates = _rates(f, f, rated, required=True)
    return None if rates is None else Use(rates, each)


def overage_of(document: Fields, terms: Fields) -> Overage | None:
    """At which prices more is used than the contract has reserved."""
    f = terms.inner("overage")
    if f is None:
        return None
    rates = _rates(document, f, f.choice("at", RatedAt), required=False)
    return f.build(lambda: Overage(rates or Rates()))


def _rates(document: Fields, f: Fields, rated: RatedAt, required: bool) -> Rates | None:
    if rated is RatedAt.LIST:
        skus = f.words("skus")
        if required and not skus:
            f.wrong("skus", "names the SKUs that count")
        for sku in skus:
            document.refer("skus", Sku, sku)
        return _built(f, "skus", lambda: Rates(rated, skus=tuple(map(SkuId, skus))))
    given = f.each("rates", MOST_RATES) if required or f.has("rates") else []
    rates = [_rate(document, each) for each in given]
    if None in rates:
        return None
    return _built(f, "rates", lambda: Rates(rated, tuple(each for each in rates if each)))


def _rate(document: Fields, f: Fields) -> Rate | None:
    sku, amount = f.reference("sku", Sku), f.decimal("amount", Decimal(0), HIGHEST)
    per = PER.get(f.one_of("per", PER, "gpu_hour"), Unit.GPU_HOUR)
    f.refuse_unknown()
    document.references += f.references
    return Rate(SkuId(sku), amount, per) if f.ok and sku else None


def _built(f: Fields, field: str, make: Callable[[], Rates]) -> Rates | None:
    """What was read; where it cannot be, the field is wrong."""
    if not f.ok:
        return None
    try:
        return make()
    except ValueError as error:
        f.wrong(field, f"is wrong: {error}")
        return None
