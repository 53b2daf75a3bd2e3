"""Data centres, and what they draw."""

from decimal import Decimal

from pydantic import Field

from rackrate.api.schemas.parts import Schema
from rackrate.core import inventory, power
from rackrate.core.power import SitePower


class Site(Schema):
    """A data centre. `simulated`: it has no machines."""

    id: str
    entity: str
    name: str
    country: str
    time_zone: str
    engine: str
    simulated: bool

    @classmethod
    def of(cls, site: inventory.Site) -> "Site":
        return cls(
            id=site.id,
            entity=site.entity,
            name=site.name,
            country=site.country,
            time_zone=site.time_zone,
            engine=site.engine,
            simulated=site.simulated,
        )


class Rack(Schema):
    """A rack or tank: what its nodes draw, in kW, and what it feeds and cools."""

    id: str
    nodes: int
    used_kw: str
    limit_kw: str
    unknown: int = Field(description="Its nodes of which nobody says what they draw")

    @classmethod
    def of(cls, rack: power.RackPower) -> "Rack":
        return cls(
            id=rack.rack.id,
            nodes=rack.nodes,
            used_kw=power.shown(rack.used_kw),
            limit_kw=power.shown(rack.rack.kw),
            unknown=rack.unknown,
        )


class Power(Schema):
    """What a site draws, in kW. `demand_kw` is what its nodes use, times the PUE.

    `limit_kw` is the lower of what is connected (active) and contracted; null: not limited.
    `free_kw` is what further nodes may use. `unknown` nodes draw power, nobody says how much.
    """

    nodes: int
    used_kw: str
    pue: str
    demand_kw: str
    active_kw: str | None
    contracted_kw: str | None
    limit_kw: str | None
    free_kw: str | None
    unknown: list[str]
    racks: list[Rack]

    @classmethod
    def of(cls, seen: SitePower) -> "Power":
        site = seen.site
        return cls(
            nodes=seen.nodes,
            used_kw=power.shown(seen.used_kw),
            pue=f"{site.pue:f}",
            demand_kw=power.shown(seen.demand_kw),
            active_kw=_kw(None if site.active_mw is None else site.active_mw * power.KW),
            contracted_kw=_kw(
                None if site.contracted_mw is None else site.contracted_mw * power.KW
            ),
            limit_kw=_kw(seen.limit_kw),
            free_kw=_kw(seen.free_kw),
            unknown=list(seen.unknown),
            racks=[Rack.of(rack) for rack in seen.racks],
        )


def _kw(kw: Decimal | None) -> str | None:
    return None if kw is None else power.shown(kw)


class SiteDetail(Site):
    """A site with its power, and the shares of its pools that are kept."""

    spare_percent: str
    moment_percent: str
    contract_percent: str
    power: Power

    @classmethod
    def detail(cls, seen: SitePower) -> "SiteDetail":
        site = seen.site
        return cls(
            **dict(Site.of(site)),
            spare_percent=f"{site.spare_percent:f}",
            moment_percent=f"{site.moment_percent:f}",
            contract_percent=f"{site.contract_percent:f}",
            power=Power.of(seen),
        )
