"""Price books and contract prices as files declare them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from functools import partial

from rackrate.app.manifest.documents.parts import Reader, rows
from rackrate.app.manifest.fields import Fields, Reference
from rackrate.core.contract_price import (
    MOST_PER_NODE,
    ContractPrice,
    PriceUnit,
    Tier,
    contract_price_id,
)
from rackrate.core.ids import CustomerId, IndexId, SiteId, SkuId
from rackrate.core.inventory import Site, Sku
from rackrate.core.lease import LeaseClass
from rackrate.core.money import Money
from rackrate.core.parties import Customer
from rackrate.core.price_index import MOST_STALE_DAYS, IndexValue, PriceIndex, value_id
from rackrate.core.price_rule import CONTRACT
from rackrate.core.pricing import (
    CALENDAR,
    HIGHEST_AMOUNT,
    INDEX,
    OF_A_SITE,
    Price,
    Rule,
    Unit,
    price_id,
)

NOTICE = {LeaseClass.ON_DEMAND: timedelta(days=7), LeaseClass.SPOT: timedelta(minutes=5)}
MOST_TIERS = 400
MOST_VALUES = 5000
PRICED = (LeaseClass.ON_DEMAND, LeaseClass.SPOT)
HIGHEST = HIGHEST_AMOUNT - 1
SECTIONS: Mapping[str, Unit] = {f"per_{unit.value}": unit for unit in Unit if unit not in OF_A_SITE}
MONTHS = {"720": 720, "730": 730, "calendar": CALENDAR}


@dataclass(frozen=True, slots=True)
class _Book:
    """What all prices of a document have; `price` is one that stands for the others."""

    price: Price
    notice: Mapping[LeaseClass, timedelta]

    def of(
        self,
        sku: str,
        klass: LeaseClass,
        amount: Decimal = Decimal(0),
        unit: Unit = Unit.SLOT_HOUR,
        pflops: Decimal | None = None,
    ) -> Price:
        """A price of a SKU. How many slots its unit is, is known once its SKU is."""
        return replace(
            self.price,
            id=self._id(sku, klass),
            sku=SkuId(sku),
            klass=klass,
            amount=amount,
            notice=self.notice[klass],
            unit=unit,
            pflops=pflops,
        )

    def of_site(self, unit: Unit, amount: Decimal) -> Price:
        """A price of storage, addresses or egress."""
        id = self._id(OF_A_SITE[unit], "")
        return replace(self.price, id=id, amount=amount, unit=unit)

    def _id(self, item: str, klass: str) -> str:
        p = self.price
        return price_id(item, klass, p.currency, p.effective, p.site, p.customer)


def _price_book(f: Fields) -> list[Price]:
    book = _head(f)
    found: list[Price] = []
    for unit in OF_A_SITE:
        whole = f.optional_decimal(f"per_{unit.value}", Decimal(0), HIGHEST)
        if book is not None and whole is not None:
            found.append(book.of_site(unit, whole))
    for section, unit in SECTIONS.items():
        for sku, klass, amount, pflops in _amounts(f, section, unit):
            if book is not None:
                found.append(book.of(sku, klass, amount, unit, pflops))
    for sku, klass, rule in _rules(f):
        if book is not None:
            found.append(replace(book.of(sku, klass), rule=rule))
    twice = next((p for n, p in enumerate(found) if p.id in {q.id for q in found[:n]}), None)
    if twice is not None:
        what = f"{twice.klass} prices" if twice.klass else "prices"
        f.wrong("currency", f"{twice.item} has two {what} in this book")
    elif not found and f.ok:
        f.wrong("per_slot_hour", "is missing, and so is every other price")
    return f.build(lambda: found) or []


def _head(f: Fields) -> _Book | None:
    currency, included = f.currency("currency"), f.boolean("tax_included")
    zone = f.time_zone("time_zone", "")
    effective = f.instant("effective", zone)
    until = f.instant("until", zone) if f.has("until") else None
    site = f.reference("site", Site, required=False) or None
    customer = f.reference("customer", Customer, required=False) or None
    basis, hours = f.text("basis", ""), f.one_of("month_hours", MONTHS, "calendar")
    notices = f.inner("notice")
    notice = {klass: notices.duration(klass, NOTICE[klass]) if notices else NOTICE[klass]
              for klass in PRICED}  # fmt: skip
    if notices:
        notices.refuse_unknown()
    if not f.ok:
        return None
    try:
        price = Price(
            "",
            None,
            None,
            currency,
            Decimal(0),
            included,
            effective,
            timedelta(0),
            Unit.GB_MONTH,
            MONTHS.get(hours, CALENDAR),
            site=None if site is None else SiteId(site),
            customer=None if customer is None else CustomerId(customer),
            until=until,
            basis=basis,
        )
    except ValueError as error:
        f.wrong("until", str(error))
        return None
    return _Book(price, notice)


def _amounts(
    f: Fields, section: str, unit: Unit
) -> Iterator[tuple[str, LeaseClass, Decimal, Decimal | None]]:
    """Prices of one unit: SKU, class, amount, and PFLOPS where the price is by those."""
    also = ["pflops"] if unit is Unit.PFLOPS_MONTH else []
    for sku, entry in f.mapping(section, required=False).items():
        f.references.append(Reference(Sku, sku, section, f.file, entry.line))
        words = entry.only([*(klass.value for klass in PRICED), *also])
        pflops = None
        if also:
            pflops = entry.decimal("pflops", Decimal("0.000001"), Decimal(10) ** 9)
        for word in words:
            if word != "pflops":
                yield sku, LeaseClass(word), entry.decimal(word, Decimal(0), HIGHEST), pflops


def _rules(f: Fields) -> Iterator[tuple[str, LeaseClass, Rule]]:
    """Prices that follow others."""
    for sku, entry in f.mapping("rules", required=False).items():
        f.references.append(Reference(Sku, sku, "rules", f.file, entry.line))
        for word in entry.only([klass.value for klass in PRICED]):
            rule = entry.inner(word)
            if rule is None:
                continue
            of, base = _followed(f, rule, sku)
            times = rule.decimal("times", Decimal("0.0001"), Decimal(1000))
            floor = rule.optional_decimal("floor", Decimal(0), HIGHEST)
            cap = rule.optional_decimal("cap", Decimal(0), HIGHEST)
            made = rule.build(partial(Rule, of, SkuId(base), times, floor, cap))
            if made is not None:
                yield sku, LeaseClass(word), made


def _followed(f: Fields, rule: Fields, sku: str) -> tuple[str, str]:
    """What a rule follows: an index, or a price of this SKU or of another."""
    if rule.has("index"):
        index = rule.text("index")
        f.references.append(Reference(PriceIndex, index, "index", f.file, rule.line))
        return f"{INDEX}{index}", sku
    of, base = rule.text("of"), rule.text("sku", sku)
    f.references.append(Reference(Sku, base, "rules", f.file, rule.line))
    if of and not CONTRACT.fullmatch(of) and of not in PRICED:
        rule.wrong("of", f"{of!r} is neither contract-36, or of other months, nor a class")
    return of, base


def _price_index(f: Fields) -> list[PriceIndex | IndexValue]:
    """An index, and what is published of it in this file."""
    name, title, currency = f.name("name"), f.text("title"), f.currency("currency")
    unit, included = f.choice("unit", Unit), f.boolean("tax_included")
    source, zone = f.text("source"), f.time_zone("time_zone", "")
    stale = f.whole("stale_days", 1, MOST_STALE_DAYS, 31)
    values: list[IndexValue] = []
    for each in f.each("values", MOST_VALUES) if f.has("values") else ():
        effective, value = each.instant("from", zone), each.decimal("value", Decimal(0), HIGHEST)
        said = each.text("source", source)
        each.refuse_unknown()
        if each.ok:
            id = value_id(name, effective)
            values.append(IndexValue(id, IndexId(name), effective, value, said))
    made = f.build(
        lambda: PriceIndex(IndexId(name), title, currency, unit, included, source, stale)
    )
    return [] if made is None else [made, *values]


def _contract_price(f: Fields) -> list[ContractPrice]:
    sku, currency = f.reference("sku", Sku), f.currency("currency")
    included, basis = f.boolean("tax_included"), f.text("basis")
    floor = f.decimal("floor_percent", Decimal(0), Decimal(100))
    effective = f.instant("effective", f.time_zone("time_zone", ""))
    unit = f.choice("per", PriceUnit, PriceUnit.NODE_MONTH)
    hours, per_node, precision = _of_unit(f, unit)
    tiers: list[tuple[int, int, Decimal]] = []
    for cell in f.each("tiers", MOST_TIERS):
        months, nodes = cell.whole("months", 1, 360), cell.whole("nodes", 1, 1_000_000)
        amount = cell.decimal("amount", Decimal(0), Decimal(10) ** 12)
        if unit is not PriceUnit.GPU_HOUR and cell.ok and f.ok:
            _check_money(cell, amount, currency)
        tiers.append((months, nodes, amount))
        cell.refuse_unknown()
    return rows(
        f,
        lambda: ContractPrice(
            contract_price_id(sku, currency, effective),
            SkuId(sku),
            currency,
            effective,
            included,
            basis,
            floor,
            tuple(Tier(months, nodes, amount) for months, nodes, amount in sorted(tiers)),
            unit,
            hours,
            per_node,
            precision,
        ),
    )


def _of_unit(f: Fields, unit: PriceUnit) -> tuple[int, Decimal, str]:
    """The hours of a month, how many of the unit a node is, and at which precision."""
    if unit is PriceUnit.NODE_MONTH:
        return CALENDAR, Decimal(1), ""
    if unit is PriceUnit.PFLOPS_MONTH:
        pflops = f.decimal("pflops", Decimal("0.000001"), MOST_PER_NODE)
        return CALENDAR, pflops, f.text("precision")
    gpus = Decimal(f.whole("gpus", 1, 1024))
    if unit is PriceUnit.GPU_MONTH:
        return CALENDAR, gpus, ""
    return MONTHS.get(f.one_of("month_hours", MONTHS), CALENDAR), gpus, ""


def _check_money(f: Fields, amount: Decimal, currency: str) -> None:
    """What is by the month has no more digits than its currency."""
    try:
        Money.parse(str(amount), currency)
    except ValueError as error:
        f.wrong("amount", f"is wrong: {error}")


READERS: Mapping[str, Reader] = {
    "price_index": Reader(PriceIndex, _price_index),
    "price_book": Reader(Price, _price_book),
    "contract_price": Reader(ContractPrice, _contract_price),
}
