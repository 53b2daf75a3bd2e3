"""The document `kind: contract`: one SKU in the plain form, or `lines` with their own dates."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from rackrate.app.manifest.documents.brownfield import blocks, opening
from rackrate.app.manifest.documents.parts import Reader, rows
from rackrate.app.manifest.fields import Fields
from rackrate.app.sales import MOST_COMMITMENTS, MOST_NODES, Batches, Offer
from rackrate.core.chips import Chip
from rackrate.core.contract import (
    Acceptance,
    Commitment,
    CommitmentKind,
    Damages,
    EarlyEnd,
    Every,
    InvoicedIn,
    PaymentTerm,
    Prepaid,
    Renewal,
    Terms,
    UpgradeRight,
)
from rackrate.core.ids import ChipId, ContractId, ProjectId, SkuId
from rackrate.core.interval import Interval
from rackrate.core.inventory import Sku
from rackrate.core.money import MOST_AMOUNT, Money
from rackrate.core.parties import Project
from rackrate.core.treatment import Supply

HUNDRED, THOUSAND = Decimal(100), Decimal(1000)
A_DAY = timedelta(days=1)
_CAPACITY = CommitmentKind.CAPACITY


def _contract(f: Fields) -> list[Offer]:
    """What is to be signed, or a contract that runs already: it is invoiced from its start."""
    id, name = f.name("name"), f.text("title", "")
    project, currency = f.reference("project", Project), f.currency("currency")
    zone = f.time_zone("time_zone", "")
    lines = f.each("lines", MOST_COMMITMENTS) if f.has("lines") else [f]
    read = [_commitment(number, line, zone, currency) for number, line in enumerate(lines, 1)]
    percent = f.decimal("prepayment_percent", Decimal(0), HUNDRED)
    included = f.boolean("tax_included")
    terms = _terms(f, zone)
    began, places = opening(f, zone, currency), blocks(f)
    for line in lines:
        if line is not f:
            line.refuse_unknown()
            f.references += line.references
    commitments = tuple(commitment for commitment, _ in read if commitment is not None)
    return rows(
        f,
        lambda: Offer(
            ContractId(id),
            ProjectId(project),
            commitments,
            percent,
            included,
            name,
            terms or Terms(),
            {number: batches for number, (_, batches) in enumerate(read, 1) if batches},
            opening=began,
            blocks=places,
        ),
    )


def _commitment(
    number: int, f: Fields, zone: str, currency: str
) -> tuple[Commitment | None, Batches]:
    """One line, with its deliveries where it has dates for them."""
    kind = f.choice("kind", CommitmentKind, CommitmentKind.CAPACITY) if f.nested else _CAPACITY
    once, nodes, sku = kind is CommitmentKind.ONE_OFF, 0, ""
    title = f.text("title", "") if kind is _CAPACITY else f.text("title")
    if kind is _CAPACITY:
        sku, nodes = f.reference("sku", Sku), f.whole("nodes", 1, MOST_NODES)
    zone = f.time_zone("time_zone", zone) if f.nested else zone
    start = f.instant("start", zone)
    end = start + A_DAY if once and not f.has("end") else f.instant("end", zone)
    if f.ok and end <= start:
        f.wrong("end", f"must be after the start, {start:%Y-%m-%d %H:%M} UTC")
    amount = f.decimal("amount" if once else "monthly", Decimal(0), MOST_AMOUNT)
    same_block = f.boolean("same_block", False) if kind is _CAPACITY else False
    supply = f.choice("supply", Supply) if f.has("supply") else None
    batches = _batches(f, zone) if kind is _CAPACITY else ()
    if not f.ok:
        return None, ()
    try:
        money = Money.parse(str(amount), currency)
    except ValueError as error:
        f.wrong("amount" if once else "monthly", f"is wrong: {error}")
        return None, ()
    named = title if f.nested else ""
    commitment = Commitment(
        number,
        kind,
        named,
        Interval(start, end),
        money,
        SkuId(sku) if sku else None,
        None,
        nodes,
        same_block,
        supply=supply,
    )
    return commitment, batches


def _batches(f: Fields, zone: str) -> Batches:
    if not f.has("deliveries"):
        return ()
    found: list[tuple[int, datetime]] = []
    for each in f.each("deliveries", 1000):
        found.append((each.whole("nodes", 1, MOST_NODES), each.instant("due", zone)))
        each.refuse_unknown()
    return tuple(found)


def _terms(f: Fields, zone: str) -> Terms | None:
    inner = f.inner("terms")
    if inner is None:
        return Terms()
    acceptance = inner.choice("acceptance", Acceptance, Acceptance.NONE)
    shrink = inner.decimal("may_shrink_percent", Decimal(0), HUNDRED, Decimal(0))
    countries, dedicated = inner.countries("jurisdiction"), inner.boolean("dedicated", False)
    renewal, early_end = _renewal(inner, zone), _early_end(inner, zone)
    damages, upgrade, payment = _damages(inner), _upgrade(f, inner, zone), _payment(inner)
    return inner.build(
        lambda: Terms(
            acceptance,
            renewal,
            early_end,
            damages,
            upgrade,
            shrink,
            countries,
            dedicated,
            payment or PaymentTerm(),
        )
    )


def _payment(terms: Fields) -> PaymentTerm | None:
    f = terms.inner("payment")
    if f is None:
        return None
    every = f.choice("every", Every, Every.MONTH)
    when = f.choice("when", InvoicedIn, InvoicedIn.ADVANCE)
    prepaid = f.choice("prepaid", Prepaid, Prepaid.EVENLY)
    return f.build(lambda: PaymentTerm(every, when, prepaid))


def _renewal(terms: Fields, zone: str) -> Renewal | None:
    f = terms.inner("renewal")
    if f is None:
        return None
    months, decide_by = f.whole("months", 1, 360), f.instant("decide_by", zone)
    percent = f.decimal("price_percent", Decimal(0), THOUSAND, HUNDRED)
    held = f.boolean("held", True)
    return f.build(lambda: Renewal(months, decide_by, percent, held))


def _early_end(terms: Fields, zone: str) -> EarlyEnd | None:
    f = terms.inner("early_end")
    if f is None:
        return None
    fee, notice = f.decimal("fee_percent", Decimal(0), HUNDRED), f.whole("notice_days", 0, 3660, 0)
    not_before = f.instant("not_before", zone) if f.has("not_before") else None
    return f.build(lambda: EarlyEnd(fee, notice, not_before))


def _damages(terms: Fields) -> Damages | None:
    f = terms.inner("damages")
    if f is None:
        return None
    daily = f.decimal("percent_per_day", Decimal(0), HUNDRED)
    cap = f.decimal("cap_percent", Decimal(0), THOUSAND, HUNDRED)
    return f.build(lambda: Damages(daily, cap))


def _upgrade(document: Fields, terms: Fields, zone: str) -> UpgradeRight | None:
    f = terms.inner("upgrade")
    if f is None:
        return None
    chip, not_before = f.reference("chip", Chip), f.instant("not_before", zone)
    credit = f.decimal("credit_percent", Decimal(0), HUNDRED, Decimal(0))
    document.references += f.references
    return f.build(lambda: UpgradeRight(ChipId(chip), not_before, credit))


READERS: Mapping[str, Reader] = {
    "contract": Reader(Offer, _contract),
}
