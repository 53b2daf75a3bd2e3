"""At which prices use under a contract is rated, instant by instant: flexible, committed, beyond.

A price that a contract agrees is made here, of the contract or of the list, with an id of its own:
`CONTRACT/TAG/…`, where the tag says for which commitment, of a contract year also for which.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from rackrate.core.contract.commitment import CommitmentKind
from rackrate.core.contract.minimum import periods
from rackrate.core.contract.signed import Contract
from rackrate.core.contract.use import Rate, RatedAt, Rates, TrueUp
from rackrate.core.ids import SiteId, SkuId
from rackrate.core.interval import Interval
from rackrate.core.lease import LeaseClass
from rackrate.core.pricing import Price, PriceBook, Steps

OVERAGE = "overage"
_EVER = datetime(1970, 1, 1, tzinfo=UTC)
# Whether two SKUs are units of the same nodes.
Alike = Callable[[SkuId, SkuId], bool]


@dataclass(frozen=True, slots=True)
class Clause:
    """What is agreed for a SKU over a time: a rate, or None for the customer's list price."""

    during: Interval
    tag: str
    rate: Rate | None
    said: str


def clauses(
    contract: Contract, sku: SkuId, klass: LeaseClass, time_zone: str, alike: Alike
) -> list[Clause]:
    """Those for a SKU in a class; where two hold at once, the first."""
    if klass is LeaseClass.FLEX:
        return list(_flexible(contract, sku, alike))
    found = [*_committed(contract, sku, time_zone)]
    beyond = _beyond(contract, sku, alike)
    return found if beyond is None else [*found, beyond]


def _flexible(contract: Contract, sku: SkuId, alike: Alike) -> Iterator[Clause]:
    for each in contract.commitments:
        lasts = each.lasts
        if each.kind is not CommitmentKind.FLEX or each.use is None or lasts is None:
            continue
        (rate,) = each.use.rates.rates
        if alike(rate.sku, sku):
            yield Clause(lasts, str(each.number), rate, f"flexible under {contract.id}")


def _committed(contract: Contract, sku: SkuId, time_zone: str) -> Iterator[Clause]:
    for each in contract.commitments:
        if each.kind is not CommitmentKind.USE or each.use is None or each.lasts is None:
            continue
        if sku not in each.use.rates.named:
            continue
        rate, said = _rate_of(each.use.rates, sku), f"committed under {contract.id}"
        if each.use.true_up is TrueUp.MONTH:
            yield Clause(each.lasts, str(each.number), rate, said)
            continue
        for period in periods(each, time_zone):
            yield Clause(period.during, f"{each.number}.{period.number}", rate, said)


def _beyond(contract: Contract, sku: SkuId, alike: Alike) -> Clause | None:
    overage = contract.terms.overage
    if overage is None or contract.over <= contract.during.start:
        return None
    during, said = Interval(contract.during.start, contract.over), f"beyond {contract.id}"
    rates = overage.rates
    if rates.rated is RatedAt.LIST:
        listed = not rates.skus or sku in rates.skus
        return Clause(during, OVERAGE, None, said) if listed else None
    rate = _rate_of(rates, sku)
    if rate is None:
        flexible = list(_flexible(contract, sku, alike))
        rate = flexible[-1].rate if flexible else None
    return None if rate is None else Clause(during, OVERAGE, rate, said)


def _rate_of(rates: Rates, sku: SkuId) -> Rate | None:
    return next((rate for rate in rates.rates if rate.sku == sku), None)


class AgreedBook(PriceBook):
    """The price book of what is used under a contract. `plain` is the customer's own."""

    def __init__(self, contract: Contract, plain: PriceBook, time_zone: str, alike: Alike) -> None:
        super().__init__(())
        self._contract, self._plain = contract, plain
        self._time_zone, self._alike = time_zone, alike
        self._agreed: dict[str, str] = {}
        self._found: dict[tuple[str, str, str, SiteId | None], Steps] = {}

    @property
    def contract(self) -> Contract:
        return self._contract

    def commitment_of(self, price: Price) -> int | None:
        """Of which commitment a price is, 0 for what is beyond them; None: it is the list's own."""
        tag = self._agreed.get(price.id)
        if tag is None:
            return None
        return 0 if tag == OVERAGE else int(tag.partition(".")[0])

    def all_of(self, sku: SkuId, klass: LeaseClass, currency: str) -> list[Price]:
        """Every price that a SKU has under the contract, as time goes on."""
        return [price for _, price in self.steps(sku, klass, currency) if price is not None]

    def of(self, customer: object) -> "AgreedBook":
        """It is of one customer already."""
        return self

    def steps(self, item: str, klass: str, currency: str, site: SiteId | None = None) -> Steps:
        key = (item, klass, currency, site)
        if key not in self._found:
            self._found[key] = Steps(self._steps_of(SkuId(item), LeaseClass(klass), currency))
        return self._found[key]

    def _steps_of(
        self, sku: SkuId, klass: LeaseClass, currency: str
    ) -> Iterator[tuple[datetime, Price | None]]:
        """Which price holds from when on; None of a SKU without any.

        What goes on beyond all that is agreed has the list's price, or where the list has none, the
        last or first that was agreed: nothing that ran is left without.
        """
        known = clauses(self._contract, sku, klass, self._time_zone, self._alike)
        listed = self._plain.steps(sku, klass, currency)
        turns = {at for at, _ in listed}
        turns |= {at for each in known for at in (each.during.start, each.during.end)}
        held: Price | None = None
        if known and klass is LeaseClass.FLEX:
            held = self._price(known[0], None, (sku, klass, currency))
            yield _EVER, held
        for at in sorted(turns):
            price = self._at(known, listed.at(at), at, (sku, klass, currency))
            if price is not None and price != held:
                held = price
                yield at, held

    def _at(
        self,
        known: list[Clause],
        listed: Price | None,
        at: datetime,
        what: tuple[SkuId, LeaseClass, str],
    ) -> Price | None:
        clause = next((each for each in known if each.during.contains(at)), None)
        return listed if clause is None else self._price(clause, listed, what)

    def _price(
        self, clause: Clause, listed: Price | None, what: tuple[SkuId, LeaseClass, str]
    ) -> Price | None:
        (sku, klass, currency), rate = what, clause.rate
        head = f"{self._contract.id}/{clause.tag}"
        if rate is not None:
            price = Price(
                f"{head}/{sku}",
                sku,
                klass,
                currency,
                rate.amount,
                self._contract.tax_included,
                clause.during.start,
                timedelta(0),
                rate.unit,
                slots=rate.slots,
                customer=self._contract.customer,
                basis=clause.said,
            )
        elif listed is not None:
            basis = f"{clause.said}, at list" + (f": {listed.basis}" if listed.basis else "")
            price = replace(listed, id=f"{head}/{listed.id}", basis=basis)
        else:
            return None
        self._agreed[price.id] = clause.tag
        return price


def period_of(price: str, contract: Contract) -> str:
    """The tag of an agreed price, by its id: `2`, or `2.1` of a contract year."""
    return price.removeprefix(f"{contract.id}/").partition("/")[0]
