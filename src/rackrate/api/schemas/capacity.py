"""The capacity calendar over HTTP: what nodes are for, instant by instant, and what can be sold."""

from datetime import datetime
from typing import Any

from pydantic import Field

from rackrate.api.schemas.parts import Id, Instant, Period, Schema, Text
from rackrate.app import capacity, maintenance, tallies
from rackrate.core import calendar, stack, tally
from rackrate.core.errors import Invalid
from rackrate.core.ids import PoolId, SiteId
from rackrate.core.interval import Interval
from rackrate.core.timeline import instant

Figure = int | str


class CapacityStep(Schema):
    """From `at` up to the next step. `uses` add up to `supply`, unless promises are `short` of it.

    `uses.free` is available to promise then; `one_block` the most of it on a single fabric.
    """

    at: datetime
    supply: Figure
    uses: dict[str, Figure] = Field(examples=[{"contract": 64, "on_demand": 12, "free": 4}])
    short: Figure
    one_block: Figure


class FreeStep(Schema):
    """Available to promise from `at` on, up to the next step."""

    at: datetime
    free: Figure


class Promise(Schema):
    """Whole nodes of a pool, promised for an interval. A hold counts until `expires`."""

    id: str
    kind: calendar.ReservationKind
    holder: str = Field(description="The contract, quote or piece of work that it is for")
    customer: str | None
    nodes: int
    during: Period
    expires: datetime | None
    note: str
    renews: int = Field(description="The commitment that a right to renew holds it for; 0: none")

    @classmethod
    def of(cls, held: calendar.Reservation) -> "Promise":
        return cls(
            id=held.id,
            kind=held.kind,
            holder=held.holder,
            customer=held.customer,
            nodes=held.nodes,
            during=Period.of(held.during),
            expires=held.expires,
            note=held.note,
            renews=held.renews,
        )


class CapacityPool(Schema):
    """A block x node shape. `least` of it can be promised over the whole window."""

    id: str
    site: str
    block: str
    gpus: int = Field(description="GPUs on each of its nodes")
    nodes: int = Field(description="Whole nodes: the most that there are within the window")
    least: Figure
    free: list[FreeStep]
    promises: list[Promise]


class Mark(Schema):
    """What happens to whole nodes at an instant, and to how many."""

    at: datetime
    kind: stack.MarkKind
    what: str
    nodes: int
    customer: str | None
    promise: calendar.ReservationKind | None
    renewal: bool = Field(description="It happens to what a right to renew holds")


class Capacity(Schema):
    """What can be promised. `least`: over the whole window, on all blocks together; `one_block`:
    on a single fabric. What runs by the moment is a forecast until `forecast_until`, and nothing
    of it is in the way of a promise from then on.
    """

    chip: str
    sku: str | None
    sites: list[str]
    unit: capacity.Unit
    precision: str | None = Field(description="What PFLOPS are counted in")
    now: datetime
    forecast_until: datetime
    window: Period
    least: Figure
    one_block: Figure
    steps: list[CapacityStep]
    pools: list[CapacityPool]
    marks: list[Mark]

    @classmethod
    def of(cls, found: capacity.Calendar) -> "Capacity":
        asked = found.question
        return cls(
            chip=found.chip.id,
            sku=asked.sku,
            sites=[site.id for site in found.sites],
            unit=asked.unit,
            precision=capacity.PRECISION if asked.unit is capacity.Unit.PFLOPS else None,
            now=found.now,
            forecast_until=found.told,
            window=Period.of(asked.window),
            least=_figure(found, found.least),
            one_block=_figure(found, found.one_block),
            steps=_steps(found),
            pools=[_pool(found, pool) for pool in found.pools],
            marks=[
                Mark(
                    at=mark.at,
                    kind=mark.kind,
                    what=mark.what,
                    nodes=mark.nodes,
                    customer=mark.customer,
                    promise=mark.promise,
                    renewal=mark.renewal,
                )
                for mark in found.marks
            ],
        )


def _figure(found: capacity.Calendar, level: int) -> Figure:
    figure = found.figure(level)
    return figure if isinstance(figure, int) else f"{figure:f}"


def _steps(found: capacity.Calendar) -> list[CapacityStep]:
    total = found.total
    return [
        CapacityStep(
            at=instant(int(time)),
            supply=_figure(found, int(total.supply[i])),
            uses={use: _figure(found, int(levels[i])) for use, levels in total.uses.items()},
            short=_figure(found, int(total.short[i])),
            one_block=_figure(found, int(found.one_block_levels[i])),
        )
        for i, time in enumerate(total.times)
    ]


def _pool(found: capacity.Calendar, pool: capacity.PoolRoom) -> CapacityPool:
    factor = found.scale(pool)
    return CapacityPool(
        id=pool.id,
        site=pool.site,
        block=pool.block,
        gpus=pool.gpus,
        nodes=pool.nodes,
        least=_figure(found, pool.least * factor),
        free=[
            FreeStep(at=at, free=_figure(found, level * factor))
            for at, level in stack.changes(pool.stack.free, pool.stack.times)
        ],
        promises=[Promise.of(held) for held in pool.promises],
    )


class MaintenanceRequest(Schema):
    """Whole nodes of one pool, or of a site wherever promises leave room, for a time."""

    pool: Id | None = None
    site: Id | None = None
    nodes: int = Field(ge=1, le=1_000_000)
    start: Instant
    end: Instant
    note: Text = Field(examples=["firmware of the switches"])

    def work(self) -> maintenance.Work:
        if not self.start < self.end:
            raise Invalid("end", "it ends before it begins")
        return maintenance.Work(
            self.nodes,
            Interval(self.start, self.end),
            self.note,
            None if self.pool is None else PoolId(self.pool),
            None if self.site is None else SiteId(self.site),
        )


class PoolNodes(Schema):
    """So many whole nodes of a pool."""

    pool: str
    nodes: int


class Maintenance(Schema):
    """A maintenance window, and the nodes of each pool that are kept free for it."""

    id: str
    site: str
    nodes: int
    during: Period
    note: str
    pools: list[PoolNodes]

    @classmethod
    def of(cls, one: maintenance.Maintenance) -> "Maintenance":
        return cls(
            id=one.id,
            site=one.site,
            nodes=one.nodes,
            during=Period.of(one.during),
            note=one.note,
            pools=[PoolNodes(pool=pool, nodes=nodes) for pool, nodes in one.pools],
        )


class Count(Schema):
    """Whole nodes, and the GPUs that they are."""

    nodes: int
    gpus: int

    @classmethod
    def of(cls, count: tally.Count) -> "Count":
        return cls(nodes=count.nodes, gpus=count.gpus)


class Numbers(Schema):
    """The four numbers, now. `reserved`: promised by contract or flex. `delivered`: nodes that are
    there for that; where batches are handed over, the nodes that were named then. `healthy`: of
    those, in service and without an interrupted lease. `in_use`: nodes on which a live lease holds
    anything; its GPUs are those that are held.
    """

    delivered: Count
    healthy: Count
    reserved: Count
    in_use: Count

    @classmethod
    def of(cls, one: tally.Tally) -> "Numbers":
        return cls(**_counts(one))


class CustomerNumbers(Numbers):
    """Of a customer; and of each of its contracts, without what runs by the moment."""

    customer: str
    contracts: dict[str, Numbers]

    @classmethod
    def all_of(cls, one: tallies.CustomerTally) -> "CustomerNumbers":
        contracts = {str(id): Numbers.of(each) for id, each in one.contracts.items()}
        return cls(customer=one.customer, contracts=contracts, **_counts(one.total))


def _counts(one: tally.Tally) -> dict[str, Any]:
    return {
        "delivered": Count.of(one.delivered),
        "healthy": Count.of(one.healthy),
        "reserved": Count.of(one.reserved),
        "in_use": Count.of(one.in_use),
    }
