"""What can be promised of a SKU or chip, over time: less what is promised, kept and running."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from rackrate.app.giveway import longest_notice
from rackrate.app.ports import Tx
from rackrate.app.world import World, reading
from rackrate.core.access import Actor, Target, Verb
from rackrate.core.calendar import Reservation
from rackrate.core.chips import Chip
from rackrate.core.errors import Invalid, Reason, Refused
from rackrate.core.ids import ChipId, CustomerId, PoolId, SiteId, SkuId
from rackrate.core.interval import Interval
from rackrate.core.inventory import Site, Sku
from rackrate.core.parties import Customer
from rackrate.core.placement import Pool
from rackrate.core.promise import Wish, room_in
from rackrate.core.stack import Asked, Mark, Stack, marks, most_in_one, stack_of, together
from rackrate.core.timeline import Ints

LONGEST = timedelta(days=366 * 30)
PRECISION = "BF16 dense"


class Unit(StrEnum):
    """What capacity is counted in. PFLOPS are dense BF16, as the chip's datasheet states them."""

    NODES = "nodes"
    GPUS = "gpus"
    PFLOPS = "pflops"


@dataclass(frozen=True, slots=True)
class Question:
    """Of what, a SKU or a chip at one site or at all, over which time, and in which unit."""

    window: Interval
    sku: SkuId | None = None
    chip: ChipId | None = None
    site: SiteId | None = None
    unit: Unit = Unit.NODES


@dataclass(frozen=True, slots=True)
class PoolRoom:
    """One block x node shape. `least` can be promised over the whole window; `stack` is in nodes.

    `nodes` are those of it, with those to come; `promises` the reservations within the window.
    """

    id: PoolId
    site: SiteId
    block: str
    gpus: int
    nodes: int
    least: int
    stack: Stack
    promises: tuple[Reservation, ...]


@dataclass(frozen=True, slots=True)
class Calendar:
    """The answer. All levels are whole nodes, or GPUs where GPUs or PFLOPS were asked for.

    `least` can be promised over the whole window on all blocks together, and `one_block` on a
    single fabric; `one_block_levels` is the same for each of the instants of `total`.
    """

    question: Question
    chip: Chip
    sites: tuple[Site, ...]
    now: datetime
    told: datetime
    pools: tuple[PoolRoom, ...]
    total: Stack
    least: int
    one_block: int
    one_block_levels: Ints
    marks: tuple[Mark, ...]
    customers: Mapping[CustomerId, str]

    def scale(self, pool: PoolRoom) -> int:
        """How many of what levels are counted in one node of the pool has."""
        return 1 if self.question.unit is Unit.NODES else pool.gpus

    def figure(self, level: int) -> int | Decimal:
        """A level in the unit that was asked for, exactly."""
        if self.question.unit is not Unit.PFLOPS:
            return int(level)
        assert self.chip.dense_tflops is not None
        return int(level) * self.chip.dense_tflops / 1000


def show(world: World, actor: Actor, question: Question) -> Calendar:
    """What the capacity is for at every instant of the window, and what is still to be promised."""
    if question.window.end - question.window.start > LONGEST:
        raise Invalid("until", "the calendar is asked about at most 30 years at once")
    with reading(world, actor, Verb.FLEET_READ, Target("capacity")) as tx:
        return _answer(world, tx, question)


def _answer(world: World, tx: Tx, question: Question) -> Calendar:
    chip, slots, sites = _subject(tx, question)
    if question.unit is Unit.PFLOPS and chip.dense_tflops is None:
        raise Refused(
            Reason.NOT_STATED,
            f"nobody states {PRECISION} TFLOPS of {chip.id}; ask in nodes or GPUs, or add "
            "bf16_dense_tflops to the chip, with its source",
        )
    now = told = world.clock.now()
    rooms: list[PoolRoom] = []
    found: list[Mark] = []
    for site in sites:
        asked = asked_of(tx, site, chip.id, question.window, now)
        fleet = tx.fleet(site.id)
        pools = fleet.pools_of(chip.id, slots)
        rooms += [_room(site, pool, asked) for pool in pools]
        ids = {pool.id for pool in pools}
        found += marks(pools, [node for node in fleet.nodes if node.pool in ids], asked)
        told = max(told, asked.told)
    return _put_together(tx, question, chip, sites, (now, told), rooms, found)


def asked_of(tx: Tx, site: Site, chip: ChipId, window: Interval, now: datetime) -> Asked:
    """The question as this site's rules, and the notices of its prices, put it."""
    notice = longest_notice(tx, site.id, chip, now)
    return Asked(window, now, notice, site.spare_percent, site.moment_percent)


def _subject(tx: Tx, question: Question) -> tuple[Chip, int | None, list[Site]]:
    """Which chip, nodes of how many slots (None: any), at which sites."""
    if (question.sku is None) == (question.chip is None):
        raise Invalid("sku", "name a SKU, or a chip: one of them")
    if question.sku is not None:
        sku = tx.get(Sku, question.sku)
        if question.site not in (None, sku.site):
            raise Invalid("site", f"{sku.id} is sold at {sku.site}, not at {question.site}")
        slots = sku.slots if sku.whole_node else None
        return tx.get(Chip, sku.chip), slots, [tx.get(Site, sku.site)]
    assert question.chip is not None
    chip = tx.get(Chip, question.chip)
    if question.site is not None:
        return chip, None, [tx.get(Site, question.site)]
    return chip, None, tx.find(Site)


def _room(site: Site, pool: Pool, asked: Asked) -> PoolRoom:
    wish = Wish(
        1,
        asked.window,
        asked.now,
        asked.notice,
        asked.spare_percent + asked.moment_percent,
        moment_percent=asked.moment_percent,
    )
    stack = stack_of(pool, asked)
    held = pool.calendar.reservations.values()
    promises = (one for one in held if one.during.intersect(asked.window) is not None)
    return PoolRoom(
        pool.id,
        site.id,
        pool.block,
        pool.gpus,
        int(stack.supply.max()),
        room_in(pool, wish),
        stack,
        tuple(sorted(promises, key=lambda one: (one.during.start, one.holder))),
    )


def _put_together(
    tx: Tx,
    question: Question,
    chip: Chip,
    sites: list[Site],
    when: tuple[datetime, datetime],
    rooms: list[PoolRoom],
    found: list[Mark],
) -> Calendar:
    factors = [1 if question.unit is Unit.NODES else room.gpus for room in rooms]
    pairs = list(zip(rooms, factors, strict=True))
    stacks = [room.stack.scaled(factor) for room, factor in pairs]
    total = together(stacks, question.window)
    whose = {mark.customer for mark in found if mark.customer is not None}
    whose |= {one.customer for room in rooms for one in room.promises if one.customer is not None}
    names = {id: one.name for id in whose if (one := tx.peek(Customer, id)) is not None}
    return Calendar(
        question,
        chip,
        tuple(sites),
        *when,
        tuple(rooms),
        total,
        sum(room.least * factor for room, factor in pairs),
        max((room.least * factor for room, factor in pairs), default=0),
        most_in_one(stacks, total.times),
        tuple(sorted(found, key=lambda mark: (mark.at, mark.kind, mark.what))),
        names,
    )
