"""Which tax rule each line of a contract is under, and its prepayments net of tax."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from rackrate.core.contract import Commitment, Contract, Schedule, value_of
from rackrate.core.ids import SkuId
from rackrate.core.interval import Month
from rackrate.core.invoice import Line, priced
from rackrate.core.money import Money, half_up_ratio, split
from rackrate.core.tax import TaxRule, tax_rule
from rackrate.core.treatment import Supply, TaxTable, always


@dataclass(frozen=True, slots=True)
class Taxing:
    """What is invoiced stays under its rule, also where a later line changes it; the rest is under
    that of its month, in the customer's time zone. `skus` are the supplies of what is sold,
    `invoiced` rules by source.
    """

    table: TaxTable
    time_zone: str = "UTC"
    skus: Mapping[SkuId, Supply] = field(default_factory=dict)
    invoiced: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def all_under(cls, rule: TaxRule) -> "Taxing":
        return cls(always(rule))

    @classmethod
    def of(
        cls,
        table: TaxTable,
        time_zone: str,
        skus: Mapping[SkuId, Supply],
        billed: Iterable[Line],
    ) -> "Taxing":
        known = {line.source: line.tax_rule for line in billed if line.tax_rule}
        return cls(table, time_zone, skus, known)

    def supply(self, commitment: Commitment) -> Supply:
        """What the contract says that it is, or else its SKU."""
        sku = commitment.sku
        if sku is None and commitment.use is not None:
            sku = commitment.use.rates.named[0]  # A minimum is of what counts to it.
        if commitment.supply is not None or sku is None:
            return commitment.supply or Supply.SERVICE
        return self.skus.get(sku, Supply.SERVICE)

    def main(self, contract: Contract) -> Supply:
        """That of what a contract is about: its nodes, if it has any."""
        return self.supply(next(iter(contract.capacity), contract.commitments[0]))

    def rule(self, source: str, supply: Supply, month: Month) -> TaxRule:
        known = self.invoiced.get(source)
        return tax_rule(known) if known else self.table.rule(supply, month)


@dataclass(frozen=True, slots=True)
class Pool:
    """A prepayment of one supply, as quoted: `source` is the line that asks for it. `alone`: it is
    all that its order has prepaid.
    """

    order: int
    supply: Supply
    source: str
    amount: Money
    rule: TaxRule
    net: Money
    alone: bool

    def net_of(self, drawn: int) -> int:
        """What so much of it is net of tax: all of it is exactly its net."""
        if drawn == self.amount.minor:
            return self.net.minor
        return half_up_ratio(self.net.minor * drawn, self.amount.minor)


class Drawdown:
    """Prepayments while instalments use them up: order by order, of each its own supply's first.

    So an amendment changes nothing in what was drawn before it.
    """

    def __init__(self, pools: Sequence[Pool]) -> None:
        self._pools, self._drawn = pools, [0] * len(pools)
        self._places: dict[Supply, list[int]] = {}

    def draw(self, amount: Money, supply: Supply) -> Money:
        """What `amount` of them is net of tax."""
        net, wanted = 0, amount.minor
        for n in self._order(supply) if wanted else ():
            pool, before = self._pools[n], self._drawn[n]
            self._drawn[n] = min(pool.amount.minor, before + wanted)
            wanted -= self._drawn[n] - before
            net += pool.net_of(self._drawn[n]) - pool.net_of(before)
        return Money(net, amount.currency)

    def _order(self, supply: Supply) -> list[int]:
        """The places of the pools, as this supply uses them up."""
        found = self._places.get(supply)
        if found is None:
            ranks = [(pool.order, pool.supply is not supply) for pool in self._pools]
            found = self._places[supply] = sorted(range(len(ranks)), key=ranks.__getitem__)
        return found

    def left(self) -> Iterator[tuple[Pool, Money, Money]]:
        """Of each that is not used up, what is left: as quoted, and net of tax."""
        for pool, drawn in zip(self._pools, self._drawn, strict=True):
            if drawn < pool.amount.minor:
                currency = pool.amount.currency
                net = Money(pool.net.minor - pool.net_of(drawn), currency)
                yield pool, Money(pool.amount.minor - drawn, currency), net


def pools_of(contract: Contract, plan: Schedule, taxing: Taxing) -> list[Pool]:
    """Prepayments in the order in which they are drawn down: each order's, by supply."""
    found: list[Pool] = []
    for order, whole in plan.prepayments:
        parts = _parts(contract, plan, taxing, (order, whole))
        signed = contract.amendments[order - 1].at if order else contract.signed
        month = Month.of(signed, taxing.time_zone)
        for supply, amount in sorted(parts.items()):
            tail = f"/{supply}" if len(parts) > 1 else ""
            source = f"{_asked_by(contract, order)}{tail}"
            rule = taxing.rule(source, supply, month)
            net, _ = priced(amount, contract.tax_included, rule)
            found.append(Pool(order, supply, source, amount, rule, net, len(parts) == 1))
    return found


def _asked_by(contract: Contract, order: int) -> str:
    """The source of the line that asks for an order's prepayment, where it is one."""
    return f"prepayment/{contract.id}" + (f"/{order}" if order else "")


def _parts(
    contract: Contract, plan: Schedule, taxing: Taxing, prepaid: tuple[int, Money]
) -> dict[Supply, Money]:
    """An order's prepayment by supply: what was asked for as one stays one."""
    order, whole = prepaid
    if contract.terms.payment.balance:
        parts = _for_use(contract, taxing, order, whole)
    else:
        parts = _by_supply(contract, plan, taxing, order)
    if not parts or (len(parts) > 1 and _asked_by(contract, order) in taxing.invoiced):
        return {taxing.main(contract): whole}
    return parts


def _for_use(contract: Contract, taxing: Taxing, order: int, whole: Money) -> dict[Supply, Money]:
    """Of a balance for use: as what has use comes to, of the order or else of those before it."""
    metered = [each for each in contract.ordered(order) if each.use is not None]
    if not metered:
        metered = [e for e in contract.commitments if e.use is not None and e.order <= order]
    costing = contract.costing(taxing.time_zone)
    worth: dict[Supply, int] = {}
    for each in metered:
        least = value_of([each.as_ordered()], costing, contract.currency)
        supply = taxing.supply(each)
        worth[supply] = worth.get(supply, 0) + least.minor
    if not any(worth.values()):
        return dict.fromkeys(list(worth)[:1], whole)
    parts = zip(worth, split(whole, list(worth.values())), strict=True)
    return {supply: amount for supply, amount in parts if amount}


def _by_supply(
    contract: Contract, plan: Schedule, taxing: Taxing, order: int
) -> dict[Supply, Money]:
    """An order's prepayment, by what it is for."""
    parts: dict[Supply, Money] = {}
    for number, amount in plan.planned:
        commitment = contract.commitment(number)
        assert commitment is not None, number
        if commitment.order == order and amount:
            supply = taxing.supply(commitment)
            parts[supply] = parts.get(supply, Money.zero(amount.currency)) + amount
    return parts
