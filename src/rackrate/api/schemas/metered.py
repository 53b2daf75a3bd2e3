"""What is metered of a project beside its leases: public addresses, and readings."""

from datetime import datetime

from pydantic import Field

from rackrate.api.schemas.parts import Id, Instant, Name, Period, Schema, Text
from rackrate.app import addresses
from rackrate.app.readings import MOST_AT_ONCE, Told
from rackrate.app.readings import Recorded as Done
from rackrate.core import reading
from rackrate.core.address import Address as CoreAddress
from rackrate.core.address import AddressPool as CorePool
from rackrate.core.errors import Invalid
from rackrate.core.ids import LeaseId, ProjectId, SiteId
from rackrate.core.interval import Interval
from rackrate.core.reading import LONGEST_KEY, MOST_BYTES, Item


class AddressRequest(Schema):
    """One public address of a site, for a project: whichever is free."""

    project: Id
    site: Id
    name: str = Field(default="", max_length=addresses.LONGEST_NAME, examples=["front"])
    pool: Text = Field(default="", description="Where the site has several pools")

    def new(self) -> addresses.NewAddress:
        return addresses.NewAddress(
            ProjectId(self.project), SiteId(self.site), self.name, self.pool
        )


class AttachRequest(Schema):
    """To a lease of the same project, at the same site."""

    lease: Id


class Address(Schema):
    """A public address that a project holds, and where it belongs.

    That it is attached is written down: no router is set up by it.
    """

    id: str
    address: str = Field(examples=["192.0.2.7"])
    name: str
    customer: str
    project: str
    site: str
    pool: str
    reserved: datetime = Field(description="Billed from then on")
    released: datetime | None = Field(description="Billed until then; null: it is held")
    rests_until: datetime | None = Field(description="Given to nobody before")
    lease: str | None = Field(description="To which it is attached")
    attached: datetime | None

    @classmethod
    def of(cls, row: CoreAddress) -> "Address":
        return cls(
            id=row.id,
            address=row.address,
            name=row.name,
            customer=row.customer,
            project=row.project,
            site=row.site,
            pool=row.pool,
            reserved=row.during.start,
            released=row.during.end,
            rests_until=row.rests,
            lease=row.lease,
            attached=row.attached,
        )


class AddressPool(Schema):
    """Where the public addresses of a site come from."""

    id: str
    site: str
    ranges: list[str] = Field(examples=[["192.0.2.0/28"]])
    kept_back: list[str]
    quarantine_seconds: int = Field(description="How long one rests after it was released")
    per_project: int = Field(description="So many may a project hold")

    @classmethod
    def of(cls, pool: CorePool) -> "AddressPool":
        return cls(
            id=pool.id,
            site=pool.site,
            ranges=list(pool.ranges),
            kept_back=list(pool.kept_back),
            quarantine_seconds=int(pool.quarantine.total_seconds()),
            per_project=pool.per_project,
        )


class NewReading(Schema):
    """Bytes that were counted from one instant to another: of a lease, or of a project at a site.

    They count as if they had come evenly, where a month or a price ends in between.
    """

    id: str = Field(
        min_length=1,
        max_length=LONGEST_KEY,
        pattern=r"^[^\x00-\x1f]*$",
        description="The meter's own name of it: told twice is once",
    )
    item: Item = Item.EGRESS
    quantity: int = Field(ge=0, le=MOST_BYTES, description="Bytes")
    start: Instant
    end: Instant
    project: Id | None = None
    lease: Id | None = None
    site: Id | None = Field(default=None, description="Of a lease it is known")

    def told(self, place: int) -> Told:
        if not self.start < self.end:
            raise Invalid(f"readings[{place}].end", "is not after its start")
        return Told(
            self.id,
            self.item,
            self.quantity,
            Interval(self.start, self.end),
            None if self.project is None else ProjectId(self.project),
            None if self.lease is None else LeaseId(self.lease),
            None if self.site is None else SiteId(self.site),
        )


class ReadingsRequest(Schema):
    """All of them are recorded, or none."""

    meter: Name
    readings: list[NewReading] = Field(min_length=1, max_length=MOST_AT_ONCE)

    def told(self) -> list[Told]:
        return [each.told(place) for place, each in enumerate(self.readings)]


class Recorded(Schema):
    added: int
    known: int = Field(description="Had been told before, word for word")

    @classmethod
    def of(cls, done: Done) -> "Recorded":
        return cls(added=done.added, known=done.known)


class Reading(Schema):
    """What a meter outside has counted."""

    id: str = Field(examples=["edge-1/2026-11-22T07"])
    meter: str
    item: Item
    customer: str
    project: str
    lease: str | None
    site: str
    quantity: int = Field(description="Bytes")
    during: Period
    recorded_at: datetime

    @classmethod
    def of(cls, row: reading.Reading) -> "Reading":
        return cls(
            id=row.id,
            meter=row.meter,
            item=row.item,
            customer=row.customer,
            project=row.project,
            lease=row.lease,
            site=row.site,
            quantity=row.quantity,
            during=Period.of(row.during),
            recorded_at=row.recorded_at,
        )
