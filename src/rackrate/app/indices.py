"""Published indices: what they are, what follows them, and publishing a value of one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from rackrate.app import catalogue, manifest
from rackrate.app.manifest import Change, Declarations, Declared
from rackrate.app.world import World, check_near, reading
from rackrate.core.access import Actor, Target, Verb
from rackrate.core.errors import Invalid
from rackrate.core.ids import IndexId
from rackrate.core.price_index import IndexValue, PriceIndex, in_force, value_id
from rackrate.core.pricing import Price

LONGEST_SOURCE = 500
A_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Index:
    """An index with its values, the last first; the one in force; and the prices that follow it.

    `follows` are those that the asker may see which are in force, or are to come.
    """

    index: PriceIndex
    values: tuple[IndexValue, ...]
    latest: IndexValue | None
    follows: tuple[Price, ...]


@dataclass(frozen=True, slots=True)
class Published:
    """A value, and the prices that came of it; none, where it was published before."""

    value: IndexValue
    changes: tuple[Change, ...]


def list_indices(world: World, actor: Actor) -> list[Index]:
    with reading(world, actor, Verb.CATALOGUE_READ, catalogue.CATALOGUE) as tx:
        found, values = tx.find(PriceIndex), tx.find(IndexValue)
    prices, now = catalogue.list_prices(world, actor), world.clock.now()
    return [_joined(each, values, prices, now) for each in found]


def show(world: World, actor: Actor, id: IndexId) -> Index:
    with reading(world, actor, Verb.CATALOGUE_READ, Target("catalogue", id)) as tx:
        found, values = tx.get(PriceIndex, id), tx.find(IndexValue, index=id)
    return _joined(found, values, catalogue.list_prices(world, actor), world.clock.now())


def publish(
    world: World,
    actor: Actor,
    id: IndexId,
    value: Decimal,
    effective: datetime | None = None,
    source: str = "",
) -> Published:
    """A value from then on, and with it the prices that follow, dated alike: all of it or nothing.

    Without a time it is from the next second on. What was published is never edited.
    """
    now = world.clock.now()
    check_near("effective", effective, now)
    if len(source) > LONGEST_SOURCE or not all(char.isprintable() for char in source):
        raise Invalid("source", f"must be one line of at most {LONGEST_SOURCE} characters")
    with reading(world, actor, Verb.CATALOGUE_WRITE, Target("catalogue", id)) as tx:
        index = tx.get(PriceIndex, id)
    since = now + A_SECOND if effective is None else effective
    try:
        row = IndexValue(value_id(id, since), id, since, value, source or index.source)
    except ValueError as error:
        raise Invalid("value", str(error)) from None
    declared = Declarations([Declared(row, id, 1, f"price_index/{id}")])
    try:
        done = manifest.apply_rows(world, actor, f"price_index/{id}", declared)
    except Invalid as wrong:
        found = wrong.facts.get("problems")
        if not isinstance(found, list):
            raise
        raise Invalid("value", "; ".join(each["detail"] for each in found)) from None
    return Published(row, tuple(c for c in done.changes if isinstance(c.row, Price)))


def _joined(
    index: PriceIndex, values: Sequence[IndexValue], prices: Sequence[Price], now: datetime
) -> Index:
    mine = [value for value in values if value.index == index.id]
    begun = {price.id for price in catalogue.in_force(list(prices), now)}
    return Index(
        index,
        tuple(sorted(mine, key=lambda value: value.effective, reverse=True)),
        in_force(mine, now),
        tuple(
            price
            for price in prices
            if price.rule is not None
            and price.rule.index == index.id
            and (price.id in begun or price.effective > now)
        ),
    )
