"""What is sold: chips, SKUs, prices at an instant, and what could be had of each right now."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from rackrate.app.world import World, reading, whose
from rackrate.core.access import Actor, Target, Verb
from rackrate.core.address import Address
from rackrate.core.calendar import SPOT_ACCOUNT
from rackrate.core.chips import Chip
from rackrate.core.contract_price import ContractPrice
from rackrate.core.ids import ChipId, SiteId, SkuId
from rackrate.core.inventory import Entity, Site, Sku
from rackrate.core.lease import Lease, LeaseClass, Phase
from rackrate.core.parties import Customer
from rackrate.core.placement import Request, Stock
from rackrate.core.price_check import Catalogue, Finding, check
from rackrate.core.price_index import IndexValue, PriceIndex
from rackrate.core.pricing import Price, PriceBook, steps
from rackrate.core.spot import without_spot

CATALOGUE = Target("catalogue")


@dataclass(frozen=True, slots=True)
class Offering:
    """A SKU with its chip, its site, its list prices now, and its stock for on demand.

    `stock` counts what promises leave over: what could be leased in this instant. `spot` is that
    of spot, which is lent more; None, where it has no price of spot. `after_spot`: units that on
    demand could have once spot has made room, where there is nothing now.
    """

    sku: Sku
    chip: Chip
    site: Site
    prices: Mapping[LeaseClass, Price]
    stock: Stock
    spot: Stock | None
    after_spot: int


def list_chips(world: World, actor: Actor) -> list[Chip]:
    with reading(world, actor, Verb.CATALOGUE_READ, CATALOGUE) as tx:
        return tx.find(Chip)


def show_chip(world: World, actor: Actor, id: ChipId) -> Chip:
    with reading(world, actor, Verb.CATALOGUE_READ, Target("catalogue", id)) as tx:
        return tx.get(Chip, id)


def list_skus(world: World, actor: Actor, site: SiteId | None = None) -> list[Sku]:
    with reading(world, actor, Verb.CATALOGUE_READ, CATALOGUE) as tx:
        return tx.find(Sku) if site is None else tx.find(Sku, site=site)


def show_sku(world: World, actor: Actor, id: SkuId) -> Sku:
    with reading(world, actor, Verb.CATALOGUE_READ, Target("catalogue", id)) as tx:
        return tx.get(Sku, id)


def list_prices(
    world: World,
    actor: Actor,
    at: datetime | None = None,
    sku: SkuId | None = None,
    klass: LeaseClass | None = None,
    scheduled: bool = False,
) -> list[Price]:
    """The prices in force `at` an instant; without one, all that ever were or are to come.

    Those that are `scheduled` begin after that instant, or after now.
    What is narrowed to a site or a customer is in force beside the list. A customer sees its own.
    """
    equal: dict[str, Any] = {}
    if sku is not None:
        equal["sku"] = sku
    if klass is not None:
        equal["klass"] = klass
    with reading(world, actor, Verb.CATALOGUE_READ, CATALOGUE) as tx:
        found = _seen(tx.find(Price, **equal), actor)
    if scheduled:
        since = world.clock.now() if at is None else at
        return [price for price in found if price.effective > since]
    return found if at is None else in_force(found, at)


def check_prices(world: World, actor: Actor) -> list[Finding]:
    """What is wrong with the price book from now on, for an operator to put right."""
    now = world.clock.now()
    with reading(world, actor, Verb.FLEET_READ, CATALOGUE) as tx:
        sites = {site.id: site.entity for site in tx.find(Site)}
        entities = {entity.id: entity.currency for entity in tx.find(Entity)}
        leases = tx.find(Lease, phase=tuple(phase for phase in Phase if phase is not Phase.ENDED))
        return check(
            Catalogue(
                tx.find(Sku),
                tx.find(Price),
                tx.find(ContractPrice),
                {id: entities[entity] for id, entity in sites.items()},
                {each.id: each.currency for each in tx.find(Customer)},
                leases,
                tx.find(PriceIndex),
                tx.find(IndexValue),
                tx.find(Address, freed=""),
            ),
            now,
        )


def list_contract_prices(
    world: World, actor: Actor, sku: SkuId | None = None, at: datetime | None = None
) -> list[ContractPrice]:
    """All that ever were or are to come; those in force `at` an instant where one is given."""
    equal: dict[str, Any] = {} if sku is None else {"sku": sku}
    with reading(world, actor, Verb.CATALOGUE_READ, CATALOGUE) as tx:
        found = tx.find(ContractPrice, **equal)
    if at is None:
        return found
    latest: dict[tuple[SkuId, str], ContractPrice] = {}
    for price in sorted(found, key=lambda price: price.effective):
        if price.effective <= at:
            latest[price.sku, price.currency] = price
    return [latest[key] for key in sorted(latest)]


def list_offerings(world: World, actor: Actor, currency: str | None = None) -> list[Offering]:
    """Everything that is sold, with stock now, and the price now: the list's, or the customer's."""
    now = world.clock.now()
    customer = whose(actor, None)
    with reading(world, actor, Verb.CATALOGUE_READ, CATALOGUE) as tx:
        chips = {chip.id: chip for chip in tx.find(Chip)}
        sites = {site.id: site for site in tx.find(Site)}
        book = PriceBook(_seen(tx.find(Price), actor))
        prices: dict[SkuId, dict[LeaseClass, Price]] = {}
        for price in book.of(customer).in_force(now):
            if currency in (None, price.currency) and price.sku and price.klass:
                prices.setdefault(price.sku, {})[price.klass] = price
        skus = tx.find(Sku)
        stocks: dict[SkuId, tuple[Stock, Stock | None, int]] = {}
        for sku in sorted(skus, key=lambda sku: (sku.site, sku.id)):
            site = sites[sku.site]
            kept = site.spare_percent + site.contract_percent
            request = Request(sku.chip, 1, sku.slots, whole_nodes=sku.whole_node, kept_percent=kept)
            fleet, spot = tx.fleet(sku.site), None
            if LeaseClass.SPOT in prices.get(sku.id, {}):
                lent = replace(request, account=SPOT_ACCOUNT, kept_percent=site.spare_percent)
                spot = fleet.stock(lent, now)
            stock, behind = fleet.stock(request, now), 0
            if not stock.units and any(pool.spot for pool in fleet.pools_of(sku.chip)):
                behind = without_spot(fleet, request, now).units
            stocks[sku.id] = stock, spot, behind
    return [
        Offering(sku, chips[sku.chip], sites[sku.site], prices.get(sku.id, {}), *stocks[sku.id])
        for sku in skus
    ]


def _seen(prices: list[Price], actor: Actor) -> list[Price]:
    """The list, and what is the customer's own; an operator sees all."""
    if actor.operator:
        return prices
    return [
        price for price in prices if price.customer is None or price.customer in actor.customers
    ]


def in_force(prices: list[Price], at: datetime) -> list[Price]:
    """Of each series the price that holds."""
    series: dict[tuple[str, ...], list[Price]] = {}
    for price in prices:
        series.setdefault(price.series, []).append(price)
    found = (steps(known).at(at) for _, known in sorted(series.items()))
    return [price for price in found if price is not None]
