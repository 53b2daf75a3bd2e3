"""Prices that follow others: what a rule makes of them, and what it makes when they change."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Context, Decimal

from rackrate.core.contract_price import ContractPrice, PriceUnit
from rackrate.core.ids import IndexId, SkuId
from rackrate.core.price_index import IndexValue, PriceIndex, in_force
from rackrate.core.pricing import Price, PriceBook, Rule, Unit, price_id

CONTRACT = re.compile(r"contract-([1-9][0-9]{0,2})")
_EXACT = Context(prec=60)


@dataclass(frozen=True, slots=True)
class Followed:
    """What a rule rests on at an instant, and what the amount is for, as a price has it.

    Where `slots` and `month_hours` are None they are those of the price that follows.
    """

    amount: Decimal
    unit: Unit
    slots: int | None
    month_hours: int | None
    pflops: Decimal | None
    tax_included: bool


@dataclass(frozen=True, slots=True)
class Basis:
    """What prices may follow beside each other. `sizes` are the slots of a unit of each SKU."""

    contracts: Collection[ContractPrice] = ()
    sizes: Mapping[SkuId, int] = field(default_factory=dict)
    indices: Collection[PriceIndex] = ()
    values: Collection[IndexValue] = ()


class Ground:
    """List prices, contract prices and indices, by what a rule calls them."""

    def __init__(self, prices: Iterable[Price], basis: Basis) -> None:
        self._book = PriceBook(p for p in prices if p.site is None and p.customer is None)
        self._contracts: dict[tuple[SkuId, str], list[ContractPrice]] = {}
        for price in sorted(basis.contracts, key=lambda price: price.effective):
            self._contracts.setdefault((price.sku, price.currency), []).append(price)
        self._sizes = basis.sizes
        self._indices = {each.id: each for each in basis.indices}
        self._values: dict[IndexId, list[IndexValue]] = {}
        for value in basis.values:
            self._values.setdefault(value.index, []).append(value)

    def at(self, rule: Rule, currency: str, instant: datetime) -> Followed | None:
        """What the rule follows then; None where there is nothing."""
        if rule.index is not None:
            return self._of_index(rule.index, currency, instant)
        months = CONTRACT.fullmatch(rule.of)
        if months is None:
            return _of_price(self._book, rule, currency, instant)
        matrix = None
        for price in self._contracts.get((rule.sku, currency), ()):
            matrix = price if price.effective <= instant else matrix
        if matrix is None or int(months[1]) < matrix.months[0]:
            return None
        tier = matrix.tier(int(months[1]), matrix.volumes[0])
        slots, inside = self._sizes.get(rule.sku, 1), matrix.tax_included
        if matrix.unit is PriceUnit.GPU_HOUR:
            gpu = max(1, slots // int(matrix.per_node))
            return Followed(tier.amount, Unit.GPU_HOUR, gpu, None, None, inside)
        amount = _EXACT.multiply(tier.amount, matrix.per_node)
        return Followed(amount, Unit.NODE_MONTH, slots, None, None, inside)

    def changes(self, rule: Rule, currency: str) -> Iterator[datetime]:
        """When what the rule follows may change."""
        if rule.index is not None:
            yield from (value.effective for value in self._values.get(rule.index, ()))
        elif CONTRACT.fullmatch(rule.of):
            yield from (p.effective for p in self._contracts.get((rule.sku, currency), ()))
        else:
            yield from (at for at, _ in self._book.steps(rule.sku, rule.of, currency))

    def _of_index(self, id: IndexId, currency: str, instant: datetime) -> Followed | None:
        index, value = self._indices.get(id), in_force(self._values.get(id, ()), instant)
        if index is None or value is None or index.currency != currency:
            return None
        return Followed(value.value, index.unit, None, None, None, index.tax_included)


def _of_price(book: PriceBook, rule: Rule, currency: str, instant: datetime) -> Followed | None:
    price = book.steps(rule.sku, rule.of, currency).at(instant)
    return None if price is None else Followed(
        price.amount, price.unit, price.slots, price.month_hours, price.pflops, price.tax_included
    )  # fmt: skip


def following(price: Price, ground: Ground, at: datetime) -> Price | None:
    """The price as its rule makes it from `at` on; None where there is nothing to follow."""
    rule = price.rule
    base = None if rule is None else ground.at(rule, price.currency, at)
    if rule is None or base is None:
        return None
    hours = price.month_hours if base.month_hours is None else base.month_hours
    return replace(
        price,
        id=price_id(price.item, price.klass or "", price.currency, at, price.site, price.customer),
        effective=at,
        amount=rule.bounded(_EXACT.multiply(rule.times, base.amount)),
        unit=base.unit,
        slots=price.slots if base.slots is None else base.slots,
        month_hours=hours,
        pflops=base.pflops,
        tax_included=base.tax_included,
    )


def worked_out_again(prices: Collection[Price], basis: Basis, now: datetime) -> dict[str, Price]:
    """Prices by rule that have not begun, where what they follow has changed before they do.

    Until its day nothing is sold at one, and what it was worked out to be was a forecast.
    """
    known, changed = {price.id: price for price in prices}, dict[str, Price]()
    for _ in known:
        ground, more = Ground(known.values(), basis), dict[str, Price]()
        for id, price in known.items():
            again = following(price, ground, price.effective) if price.effective > now else None
            if again is not None and again != price:
                more[id] = again
        if not more:
            break
        known |= more
        changed |= more
    return changed


def circle(price: Price, book: PriceBook) -> str:
    """By way of what a price follows itself, in words; empty where it does not."""
    if price.rule is None or price.site is not None or price.customer is not None:
        return ""
    rule: Rule | None = price.rule
    way: list[tuple[SkuId, str]] = []
    while rule is not None and (rule.sku, rule.of) not in way:
        way.append((rule.sku, rule.of))
        if way[-1] == (price.sku, price.klass):
            return ", ".join(f"{of} of {sku}" for sku, of in way)
        held = book.steps(rule.sku, rule.of, price.currency).at(price.effective)
        rule = None if held is None else held.rule
    return ""


def follow_ups(prices: Collection[Price], basis: Basis) -> list[Price]:
    """Prices that rules make of what changes under them, each from when it changes."""
    known = {price.id: price for price in prices}
    made: list[Price] = []
    while True:
        ground = Ground(known.values(), basis)
        more = [each for each in _changed(known.values(), ground) if each.id not in known]
        if not more:
            return made
        made += more
        known |= {each.id: each for each in more}


def _changed(prices: Iterable[Price], ground: Ground) -> Iterator[Price]:
    series: dict[tuple[str, ...], list[Price]] = {}
    for price in sorted(prices, key=lambda price: price.effective):
        series.setdefault(price.series, []).append(price)
    for known in series.values():
        for place, price in enumerate(known):
            if price.rule is not None:
                ends = [later.effective for later in known[place + 1 : place + 2]]
                ends += [] if price.until is None else [price.until]
                yield from _under(price, price.rule, min(ends, default=None), ground)


def _under(price: Price, rule: Rule, end: datetime | None, ground: Ground) -> Iterator[Price]:
    """What the rule makes between this price's beginning and its end."""
    before = price
    for at in sorted(set(ground.changes(rule, price.currency))):
        if at <= price.effective or (end is not None and at >= end):
            continue
        now = following(price, ground, at)
        if now is not None and replace(now, id=before.id, effective=before.effective) != before:
            yield now
            before = now
