"""Promises that the supply does not cover, and what would mend them."""

from datetime import datetime

from pydantic import Field

from rackrate.api.schemas.parts import Period, Schema
from rackrate.app import breaches
from rackrate.core import breach
from rackrate.core.calendar import ReservationKind


class Room(Schema):
    """Nodes of another block that are free over the whole time; some only after a notice."""

    pool: str
    nodes: int
    after_notice: int = Field(description="Of them, run on demand now: give notice first")


class Later(Schema):
    """From when another block has enough, up to the promise's end."""

    pool: str
    at: datetime


class Hold(Schema):
    """A hold that could be withdrawn."""

    id: str
    holder: str
    customer: str | None
    nodes: int
    expires: datetime | None


class Arrival(Schema):
    """Nodes of the same shape that come before the promise ends."""

    order: str | None
    batch: int
    pool: str
    nodes: int
    expected: datetime


class Mends(Schema):
    """What would mend one broken promise; not added up over several."""

    rooms: list[Room]
    free_from: Later | None
    holds: list[Hold]
    arriving: list[Arrival]

    @classmethod
    def of(cls, mends: breach.Mends) -> "Mends":
        later = mends.free_from
        return cls(
            rooms=[
                Room(pool=room.pool, nodes=room.nodes, after_notice=room.after_notice)
                for room in mends.rooms
            ],
            free_from=None if later is None else Later(pool=later[0], at=later[1]),
            holds=[
                Hold(
                    id=hold.id,
                    holder=hold.holder,
                    customer=hold.customer,
                    nodes=hold.nodes,
                    expires=hold.expires,
                )
                for hold in mends.holds
            ],
            arriving=[
                Arrival(
                    order=each.order,
                    batch=each.batch,
                    pool=each.pool,
                    nodes=each.nodes,
                    expected=each.expected,
                )
                for each in mends.arriving
            ],
        )


class Breach(Schema):
    """`nodes` of a promise that are not there over `during`. `id` and `at` are null in a dry run.

    `mended`: since when it is so no longer; another row may say how it is since.
    """

    id: str | None
    at: datetime | None
    pool: str
    reservation: str
    kind: ReservationKind
    renewal: bool = Field(description="It is what a right to renew holds")
    holder: str
    customer: str | None
    nodes: int
    during: Period
    cause: str
    mended: datetime | None
    mends: Mends

    @classmethod
    def of(cls, broken: breaches.Broken) -> "Breach":
        short, row = broken.short, broken.row
        held = short.reservation
        return cls(
            id=None if row is None else row.id,
            at=None if row is None else row.at,
            pool=held.pool,
            reservation=held.id,
            kind=held.kind,
            renewal=bool(held.renews),
            holder=held.holder,
            customer=held.customer,
            nodes=short.nodes,
            during=Period.of(short.during),
            cause="" if row is None else row.cause,
            mended=None if row is None else row.mended,
            mends=Mends.of(broken.mends),
        )


class Consequence(Schema):
    """What an act does to promises: `broken` is new, `still` was so before, `mended` is no more."""

    broken: list[Breach]
    still: list[Breach]
    mended: list[str] = Field(description="Their holders")

    @classmethod
    def of(cls, told: breaches.Consequence) -> "Consequence":
        return cls(
            broken=[Breach.of(each) for each in told.broken],
            still=[Breach.of(each) for each in told.still],
            mended=sorted({row.holder for row in told.mended}),
        )
