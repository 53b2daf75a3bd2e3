"""What is wrong with a price book: gaps, overlaps, currencies that nobody pays in."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import pairwise

from rackrate.core.address import Address
from rackrate.core.contract_price import ContractPrice
from rackrate.core.ids import CustomerId, SiteId, SkuId
from rackrate.core.inventory import Sku
from rackrate.core.lease import Lease, LeaseClass
from rackrate.core.price_index import IndexValue, PriceIndex, in_force
from rackrate.core.pricing import ADDRESS, STORAGE, Price, PriceBook, Steps

ON_DEMAND = LeaseClass.ON_DEMAND


class Fault(StrEnum):
    GAP = "gap"
    OVERLAP = "overlap"
    CURRENCY = "currency"
    STORAGE = "storage"
    ADDRESS = "address"
    INDEX = "index"
    SPOT = "spot"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, of what, and as a sentence."""

    fault: Fault
    item: str
    text: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What is priced and for whom. `sites` have their seller's currency, customers their own.

    `leases` are those that are not over, and `held` addresses that nobody has released.
    """

    skus: Collection[Sku]
    prices: Collection[Price]
    matrices: Collection[ContractPrice]
    sites: Mapping[SiteId, str]
    customers: Mapping[CustomerId, str]
    leases: Collection[Lease]
    indices: Collection[PriceIndex] = ()
    values: Collection[IndexValue] = ()
    held: Collection[Address] = ()


def check(catalogue: Catalogue, now: datetime) -> list[Finding]:
    """Everything from now on, in the order of what it is about."""
    book = PriceBook(catalogue.prices)
    found = [*_unpriced(catalogue, book, now), *_overlaps(catalogue.prices, now)]
    found += [*_currencies(catalogue), *_kept(catalogue, book, now)]
    found += [*_indices(catalogue, now), *_spot(catalogue, book, now)]
    found += [*_held(catalogue, book, now), *_matrices(catalogue, now)]
    return sorted(set(found), key=lambda each: (each.fault, each.item, each.text))


def _unpriced(catalogue: Catalogue, book: PriceBook, now: datetime) -> Iterator[Finding]:
    """SKUs that can be leased on demand, now or some day, at no price."""
    priced = {price.sku for price in catalogue.prices if price.klass is ON_DEMAND}
    paid = set(catalogue.customers.values())
    by_contract = {matrix.sku for matrix in catalogue.matrices}
    leased = {
        (lease.terms.sku, lease.customer) for lease in catalogue.leases if not lease.terms.contract
    }
    for sku in catalogue.skus:
        if sku.id not in priced:
            if sku.id not in by_contract:
                said = f"{sku.id} can be leased, and has no on_demand price"
                yield Finding(Fault.GAP, sku.id, said)
            continue
        for currency in sorted(paid or {catalogue.sites[sku.site]}):
            gaps = _holes(book.steps(sku.id, ON_DEMAND, currency), now)
            for gap in gaps:
                said = f"{sku.id} has no on_demand price in {currency} {gap}"
                yield Finding(Fault.GAP, sku.id, said)
            for id, customer in sorted(leased) if not gaps else ():
                own = book.of(customer).steps(sku.id, ON_DEMAND, currency)
                if id == sku.id and catalogue.customers[customer] == currency:
                    for gap in _holes(own, now):
                        said = f"{customer} leases {id}, which has no price for it {gap}"
                        yield Finding(Fault.GAP, id, said)


def _holes(holding: Steps, now: datetime) -> list[str]:
    """From when until when nothing holds, from now on, in words."""
    known = [(now, holding.at(now)), *(step for step in holding if step[0] > now)]
    holes: list[str] = []
    for place, (at, price) in enumerate(known):
        later = [each[0] for each in known[place + 1 : place + 2]]
        if price is not None:
            continue
        since = "from now" if at <= now else f"from {at:%Y-%m-%d %H:%M} UTC"
        until = f"until {later[0]:%Y-%m-%d %H:%M} UTC" if later else "on"
        holes.append(f"{since} {until}")
    return holes


def _overlaps(prices: Collection[Price], now: datetime) -> Iterator[Finding]:
    """Prices that say until when they hold, and are superseded before."""
    series: dict[tuple[str, ...], list[Price]] = {}
    for price in sorted(prices, key=lambda price: price.effective):
        series.setdefault(price.series, []).append(price)
    for known in series.values():
        for price, later in pairwise(known):
            if price.until is not None and max(now, later.effective) < price.until:
                what = f"{price.klass} price" if price.klass else "price"
                yield Finding(
                    Fault.OVERLAP,
                    price.item,
                    f"{price.item} has a {what} until {price.until:%Y-%m-%d %H:%M} UTC and "
                    f"another from {later.effective:%Y-%m-%d %H:%M} UTC on, which holds instead",
                )


def _currencies(catalogue: Catalogue) -> Iterator[Finding]:
    known = {*catalogue.customers.values(), *catalogue.sites.values()}
    priced = {price.currency for price in catalogue.prices}
    priced |= {matrix.currency for matrix in catalogue.matrices}
    for currency in sorted(priced - known):
        said = f"there are prices in {currency}, in which nobody pays"
        yield Finding(Fault.CURRENCY, currency, said)


def _matrices(catalogue: Catalogue, now: datetime) -> Iterator[Finding]:
    """Contract prices of which none is in force yet."""
    first: dict[tuple[SkuId, str], datetime] = {}
    for matrix in sorted(catalogue.matrices, key=lambda matrix: matrix.effective):
        first.setdefault((matrix.sku, matrix.currency), matrix.effective)
    for (sku, currency), begins in sorted(first.items()):
        if now < begins:
            yield Finding(
                Fault.GAP,
                sku,
                f"{sku} has a contract price in {currency} from {begins:%Y-%m-%d %H:%M} UTC on, "
                "and none until then",
            )


def _indices(catalogue: Catalogue, now: datetime) -> Iterator[Finding]:
    """Indices that prices follow, now or some day, and that say nothing, or nothing new."""
    indices = {each.id: each for each in catalogue.indices}
    values: dict[str, list[IndexValue]] = {}
    for value in catalogue.values:
        values.setdefault(value.index, []).append(value)
    for price in _from_now_on(catalogue.prices, now):
        id = None if price.rule is None else price.rule.index
        if id is None:
            continue
        index, latest = indices.get(id), in_force(values.get(id, ()), max(now, price.effective))
        if index is None or index.currency != price.currency or latest is None:
            said = f"{price.item} follows index {id}, which has no value in {price.currency}"
            yield Finding(Fault.INDEX, id, said)
        elif index.stale_at(latest, now):
            yield Finding(
                Fault.INDEX,
                id,
                f"index {id} is of {latest.effective:%Y-%m-%d}, more than {index.stale_days} "
                "days ago: publish what it is now",
            )


def _from_now_on(prices: Collection[Price], now: datetime) -> list[Price]:
    """Of each series the price that began last, and those to come; not what is over."""
    begun: dict[tuple[str, ...], Price] = {}
    for price in sorted(prices, key=lambda price: price.effective):
        if price.effective <= now:
            begun[price.series] = price
    later = (price for price in prices if price.effective > now)
    return [p for p in (*begun.values(), *later) if p.until is None or p.until > now]


def _spot(catalogue: Catalogue, book: PriceBook, now: datetime) -> Iterator[Finding]:
    """What is sold as spot, and from some day on is not; or costs more than on demand."""
    keys = {
        (each.sku, each.currency)
        for each in catalogue.prices
        if each.klass is LeaseClass.SPOT and each.sku and each.customer is None
    }
    for sku, currency in sorted(keys):
        spot = book.steps(sku, LeaseClass.SPOT, currency)
        begun = [at for at, price in spot if price is not None]
        for gap in _holes(spot, max(now, begun[0])):
            said = f"{sku} has no spot price in {currency} {gap}"
            yield Finding(Fault.GAP, sku, said)
        on_demand = book.steps(sku, ON_DEMAND, currency)
        for at in sorted({now, *(step[0] for step in (*spot, *on_demand) if step[0] > now)}):
            cheap, dear = spot.at(at), on_demand.at(at)
            if cheap is not None and dear is not None and cheap.hourly > dear.hourly:
                said = f"{sku} costs more as spot than on demand in {currency} from "
                since = max(cheap.effective, dear.effective)
                yield Finding(Fault.SPOT, sku, f"{said}{since:%Y-%m-%d %H:%M} UTC")
                break


def _held(catalogue: Catalogue, book: PriceBook, now: datetime) -> Iterator[Finding]:
    """Public addresses that projects hold where they have no price."""
    for row in catalogue.held:
        currency = catalogue.customers[row.customer]
        known = book.of(row.customer).steps(ADDRESS, "", currency, row.site)
        for gap in _holes(known, now):
            said = f"{row.project} holds {row.address} at {row.site}, where addresses have no price"
            yield Finding(Fault.ADDRESS, row.id, f"{said} in {currency} {gap}: it costs nothing")


def _kept(catalogue: Catalogue, book: PriceBook, now: datetime) -> Iterator[Finding]:
    """Volumes of leases that run, or are stopped, of which the storage has no price."""
    for lease in catalogue.leases:
        sizes = {mount.name: mount.gb for mount in lease.terms.spec.volumes if mount.gb}
        if not sizes:
            continue
        currency, site = catalogue.customers[lease.customer], lease.terms.site
        known = book.of(lease.customer).steps(STORAGE, "", currency, site)
        for gap in _holes(known, now):
            volumes = ", ".join(f"{name} ({gb} GB)" for name, gb in sorted(sizes.items()))
            said = f"{lease.id} keeps {volumes} at {site}, where storage has no price in {currency}"
            yield Finding(Fault.STORAGE, lease.id, f"{said} {gap}: it costs nothing")
