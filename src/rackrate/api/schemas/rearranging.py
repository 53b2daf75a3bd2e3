"""Promises laid on other blocks, over HTTP: asked for, shown, done."""

from pydantic import Field

from rackrate.api.schemas.parts import Id, Instant, Period, Schema
from rackrate.app import rearranging
from rackrate.core.errors import Invalid
from rackrate.core.ids import SiteId, SkuId
from rackrate.core.interval import Interval


class MendRequest(Schema):
    """Of which site; with `dry_run` nothing is moved, and only shown."""

    site: Id
    dry_run: bool = False

    def where(self) -> SiteId:
        return SiteId(self.site)


class ClearRequest(Schema):
    """Room for so many nodes of a SKU on one block, over a time."""

    sku: Id
    nodes: int
    start: Instant = Field(alias="from")
    until: Instant
    dry_run: bool = False

    def room(self) -> rearranging.Room:
        if not self.start < self.until:
            raise Invalid("until", "it ends before it begins")
        return rearranging.Room(SkuId(self.sku), self.nodes, Interval(self.start, self.until))


class Move(Schema):
    """`nodes` of a contract's promise go from one pool to another, for all of its time."""

    contract: str
    customer: str | None
    nodes: int
    source: str = Field(serialization_alias="from")
    to: str
    during: Period


class Rearrangement(Schema):
    """What is moved; which pools were short before it, and are after it, and why each of these."""

    moves: list[Move]
    short_before: list[str]
    short_after: list[str]
    why: dict[str, str]
    done: bool

    @classmethod
    def of(cls, plan: rearranging.Plan) -> "Rearrangement":
        return cls(
            moves=[
                Move(
                    contract=move.reservation.holder,
                    customer=move.reservation.customer,
                    nodes=move.nodes,
                    source=move.reservation.pool,
                    to=move.to,
                    during=Period.of(move.reservation.during),
                )
                for move in plan.moves
            ],
            short_before=list(plan.short_before),
            short_after=list(plan.short_after),
            why={str(pool): said for pool, said in plan.why.items()},
            done=plan.done,
        )
