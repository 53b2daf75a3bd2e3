"""The document `kind: contract`: one SKU in the plain form, or `lines` with their own dates."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from rackrate.app.manifest.documents.brownfield import blocks, opening
from rackrate.app.manifest.documents.parts import Reader, rows
from rackrate.app.manifest.documents.use import METERED, overage_of, price_of, use_of
from rackrate.app.manifest.fields import Fields
from rackrate.app.sales import MOST_COMMITMENTS, MOST_NODES, Batches, Offer
from rackrate.core.chips import Chip
from rackrate.core.contract import (
    Acceptance,
    Broken,
    Commitment,
    CommitmentKind,
    Damages,
    EarlyEnd,
    Every,
    Indexation,
    InvoicedIn,
    Left,
    PaymentTerm,
    Prepaid,
    Renewal,
    Step,
    Terms,
    UpgradeRight,
    with_month,
)
from rackrate.core.ids import ChipId, ContractId, ProjectId, SkuId
from rackrate.core.interval import Interval
from rackrate.core.inventory import Sku
from rackrate.core.money import MOST_AMOUNT, Money
from rackrate.core.parties import Project
from rackrate.core.treatment import Supply

HUNDRED, THOUSAND = Decimal(100), Decimal(1000)
A_DAY = timedelta(days=1)
MOST_STEPS = 120
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
    if kind in METERED:
        return _metered(number, f, kind, zone, currency)
    once, nodes, sku = kind is CommitmentKind.ONE_OFF, 0, ""
    title = f.text("title", "") if kind is _CAPACITY else f.text("title")
    if kind is _CAPACITY:
        sku, nodes = f.reference("sku", Sku), f.whole("nodes", 1, MOST_NODES)
    zone = f.time_zone("time_zone", zone) if f.nested else zone
    start = f.instant("start", zone)
    end = start + A_DAY if once and not f.has("end") else f.instant("end", zone)
    if f.ok and end <= start:
        f.wrong("end", f"must be after the start, {start:%Y-%m-%d %H:%M} UTC")
    price = _price(f, once, kind is _CAPACITY)
    same_block = f.boolean("same_block", False) if kind is _CAPACITY else False
    supply = f.choice("supply", Supply) if f.has("supply") else None
    batches = _batches(f, zone) if kind is _CAPACITY else ()
    money = _money(f, price, currency) if f.ok else None
    if money is None:
        return None, ()
    commitment = Commitment(
        number,
        kind,
        title if f.nested else "",
        Interval(start, end),
        money,
        SkuId(sku) if sku else None,
        None,
        nodes,
        same_block,
        supply=supply,
        total=money if price[0] == "total" else None,
        hourly=price[1] if price[0] == "node_hour" else None,
    )
    if commitment.hourly is not None:
        commitment = with_month(commitment, zone)
    return commitment, batches


def _metered(
    number: int, f: Fields, kind: CommitmentKind, zone: str, currency: str
) -> tuple[Commitment | None, Batches]:
    """One line of flexible nodes, or of a minimum of use."""
    flex, title = kind is CommitmentKind.FLEX, f.text("title", "")
    zone = f.time_zone("time_zone", zone)
    sku = f.reference("sku", Sku) if flex else ""
    nodes = f.whole("nodes", 1, MOST_NODES) if flex else 0
    start, end = f.instant("start", zone), f.instant("end", zone)
    if f.ok and end <= start:
        f.wrong("end", f"must be after the start, {start:%Y-%m-%d %H:%M} UTC")
    money = _money(f, price_of(f, kind, nodes), currency)
    use = use_of(f, kind, sku)
    same_block = f.boolean("same_block", False) if flex else False
    supply = f.choice("supply", Supply) if f.has("supply") else None
    batches = _batches(f, zone) if flex else ()
    if not f.ok or money is None or use is None:
        return None, ()
    commitment = Commitment(
        number,
        kind,
        title,
        Interval(start, end),
        money,
        SkuId(sku) if sku else None,
        None,
        nodes,
        same_block,
        supply=supply,
        use=use,
    )
    return commitment, batches


def _price(f: Fields, once: bool, by_hour: bool) -> tuple[str, Decimal]:
    """What it costs, and for what: once, a month, a node and hour, or all of it."""
    known = {"total": not once, "node_hour": by_hour, "amount": once, "monthly": not once}
    given = [field for field, may in known.items() if may and f.has(field)]
    if len(given) > 1:
        f.wrong(given[0], f"and `{given[1]}` are two prices; say one of them")
    field = given[0] if given else "amount" if once else "monthly"
    return field, f.decimal(field, Decimal(0), MOST_AMOUNT)


def _money(f: Fields, price: tuple[str, Decimal], currency: str) -> Money | None:
    """The amount; of what is by the hour none yet."""
    field, amount = price
    if field == "node_hour":
        return Money.zero(currency)
    try:
        return Money.parse(str(amount), currency)
    except ValueError as error:
        f.wrong(field, f"is wrong: {error}")
        return None


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
    indexation, steps, overage = _indexation(inner), _steps(inner), overage_of(f, inner)
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
            indexation=indexation,
            steps=steps,
            overage=overage,
        )
    )


def _payment(terms: Fields) -> PaymentTerm | None:
    f = terms.inner("payment")
    if f is None:
        return None
    every = f.choice("every", Every, Every.MONTH)
    when = f.choice("when", InvoicedIn, InvoicedIn.ADVANCE)
    prepaid = f.choice("prepaid", Prepaid, Prepaid.EVENLY)
    broken = f.choice("broken", Broken, Broken.SECOND)
    left = f.choice("left", Left, Left.REFUND)
    tell = f.decimal("tell_percent", Decimal(0), HUNDRED, Decimal(20))
    return f.build(lambda: PaymentTerm(every, when, prepaid, broken, left, tell))


def _indexation(terms: Fields) -> Indexation | None:
    f = terms.inner("indexation")
    if f is None:
        return None
    percent = f.decimal("percent", Decimal("-99.999999"), HUNDRED)
    every = f.whole("every_months", 1, 360, 12)
    year = f.optional_decimal("cap_year_percent", Decimal(0), THOUSAND)
    whole = f.optional_decimal("cap_percent", Decimal(0), THOUSAND)
    return f.build(lambda: Indexation(percent, every, year, whole))


def _steps(terms: Fields) -> tuple[Step, ...]:
    if not terms.has("steps"):
        return ()
    found: list[Step] = []
    for each in terms.each("steps", MOST_STEPS):
        month, percent = each.whole("month", 1, 360), each.decimal("percent", Decimal(0), THOUSAND)
        each.refuse_unknown()
        found.append(Step(month, percent))
    return tuple(found)


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
