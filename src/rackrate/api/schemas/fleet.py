"""The fleet: sites, their maps, nodes, draining them, and files that say what there should be."""

from datetime import datetime
from typing import Any

from pydantic import Field

from rackrate.api.schemas.breaches import Consequence
from rackrate.api.schemas.parts import NO_NUL, Id, Instant, Limits, Schema, Text
from rackrate.api.schemas.sites import Site
from rackrate.app import fleet, manifest, upkeep
from rackrate.app.delivery import Named as HandedOver
from rackrate.core import power
from rackrate.core.calendar import HolderKind
from rackrate.core.ids import RackId
from rackrate.core.inventory import NodeState


class File(Schema):
    """One YAML file, as it is."""

    name: Text = Field(description="As it is to be named in messages", examples=["fleet.yaml"])
    text: str = Field(max_length=20_000_000, pattern=r"^[^\x00]*$")


class ApplyRequest(Schema):
    """Files that say what there should be. Nothing is applied unless all of it can be."""

    files: list[File] = Field(min_length=1, max_length=200)
    dry_run: bool = Field(default=False, description="Only show what would change")


class FieldChange(Schema):
    """One field, as a person would write it."""

    name: str
    old: str
    new: str


class Change(Schema):
    """One row that the files add or change, and which document of which file says so."""

    action: manifest.Action
    kind: str = Field(examples=["node"])
    id: str
    fields: list[FieldChange]
    source: str = Field(examples=["node/h100-{:03}"])
    file: str
    line: int

    @classmethod
    def of(cls, change: manifest.Change) -> "Change":
        return cls(
            action=change.action,
            kind=change.kind,
            id=change.id,
            fields=[FieldChange(name=f.name, old=f.old, new=f.new) for f in change.fields],
            source=change.source,
            file=change.file,
            line=change.line,
        )


class Applied(Schema):
    """What was changed; or with `dry_run`, what would be. Rows that stay are not listed."""

    dry_run: bool
    changes: list[Change]

    @classmethod
    def of(cls, applied: manifest.Applied) -> "Applied":
        return cls(dry_run=applied.dry_run, changes=[Change.of(c) for c in applied.changes])


class MapNode(Schema):
    """One node on the map. `slots` has a digit for each slot: its place in `legend`."""

    id: str
    block: str
    chip: str
    state: NodeState
    slots: str = Field(examples=["33330000"])


class Pool(Schema):
    """A block x node shape, in whole nodes: how many there are, are promised, are untouched."""

    id: str
    block: str
    chip: str
    nodes: int
    in_service: int
    promised: int
    untouched: int

    @classmethod
    def of(cls, pool: fleet.PoolView) -> "Pool":
        return cls(
            id=pool.id,
            block=pool.block,
            chip=pool.chip,
            nodes=pool.nodes,
            in_service=pool.in_service,
            promised=pool.promised,
            untouched=pool.untouched,
        )


class SiteMap(Schema):
    """Everything of a site at a glance. `counts` are slots by what they are used for."""

    site: Site
    at: datetime
    legend: list[str] = Field(examples=[["free", "contract"]])
    counts: dict[str, int]
    pools: list[Pool]
    nodes: list[MapNode]

    @classmethod
    def of(cls, seen: fleet.SiteMap) -> "SiteMap":
        nodes = []
        start = 0
        for node in seen.nodes:
            part = seen.slots[start : start + node.slots]
            start += node.slots
            nodes.append(
                MapNode(
                    id=node.id,
                    block=node.block,
                    chip=node.chip,
                    state=node.state,
                    slots="".join(map(str, part)),
                )
            )
        return cls(
            site=Site.of(seen.site),
            at=seen.at,
            legend=[use.name.lower() for use in fleet.SlotClass],
            counts={use.name.lower(): count for use, count in seen.counts.items()},
            pools=[Pool.of(pool) for pool in seen.pools],
            nodes=nodes,
        )


class Node(Schema):
    """A server: `gpus` chips (or CPU slots), each cut into `parts` slots."""

    id: str
    site: str
    block: str
    chip: str
    gpus: int
    parts: int
    capacity: Limits
    state: NodeState
    note: str
    slots: int
    slots_free: int = Field(description="Offered now")
    ready: datetime | None = Field(description="When it is expected in service, or came into it")
    until: datetime | None = Field(description="When it leaves for good, where that is known")
    drained: datetime | None = Field(description="From when it is drained, or is to be")
    back: datetime | None = Field(description="When it is to be back; null: nobody knows")
    named_for: str | None = Field(description="The contract that it was handed over for by name")
    order: str | None
    batch: int
    rack: str | None
    kw: str | None
    uses: dict[str, int] = Field(
        description="Slots by what they are used for", examples=[{"free": 6, "on_demand": 2}]
    )
    leases: list[str]

    @classmethod
    def of(cls, view: fleet.NodeView) -> "Node":
        return cls(**_node(view))


class Holding(Schema):
    """Who holds which slots of a node, for what, and since when."""

    slots: str = Field(examples=["0-3,7"])
    use: str = Field(examples=["on_demand"])
    kind: HolderKind
    holder: str = Field(examples=["lse_00000042"])
    since: datetime

    @classmethod
    def of(cls, holding: fleet.Holding) -> "Holding":
        claim = holding.claim
        return cls(
            slots=str(claim.slots),
            use=holding.use.name.lower(),
            kind=claim.kind,
            holder=claim.holder,
            since=claim.during.start,
        )


class NodeDetail(Node):
    """A node with what is on it."""

    holdings: list[Holding]

    @classmethod
    def detail(cls, view: fleet.NodeView) -> "NodeDetail":
        return cls(**_node(view), holdings=[Holding.of(each) for each in view.holdings])


class DrainRequest(Schema):
    """Offer the node no more. What runs on it keeps it until that ends.

    From `start` on, or at once, until `until`, or until it is returned: then no promise can count
    on it. Of a node that is drained already, what is left out stays as it was.
    """

    start: Instant | None = Field(default=None, description="Left out: from now on")
    until: Instant | None = Field(default=None, description="When it is to be back, if known")
    note: str = Field(
        default="", max_length=fleet.LONGEST_NOTE, pattern=NO_NUL, examples=["fan 3 is loud"]
    )
    dry_run: bool = Field(default=False, description="Only say what would happen")


class ReturnRequest(Schema):
    """Offer the node again."""

    note: str = Field(default="", max_length=fleet.LONGEST_NOTE, pattern=NO_NUL)


class MoveRequest(Schema):
    """Where the node goes. `expected`: when it is in service; with `retired`: when it leaves."""

    to: NodeState = Field(examples=["in_repair"])
    expected: Instant | None = None
    note: str = Field(default="", max_length=fleet.LONGEST_NOTE, pattern=NO_NUL)
    rack: Id | None = None
    force: bool = Field(default=False, description="Retire it even where that breaks a promise")
    dry_run: bool = Field(default=False, description="Only say what would happen")

    @property
    def step(self) -> upkeep.Step:
        rack = None if self.rack is None else RackId(self.rack)
        return upkeep.Step(self.to, self.expected, self.note, rack, self.force)


class Returned(NodeDetail):
    """The node, and what its return does to promises."""

    promises: Consequence

    @classmethod
    def of_move(cls, moved: upkeep.Moved) -> "Returned":
        held = [Holding.of(each) for each in moved.view.holdings]
        return cls(**_node(moved.view), holdings=held, promises=Consequence.of(moved.told))


class Named(Schema):
    """A node that was handed over for a contract, and how many could take its place."""

    contract: str
    delivery: str
    free: int = Field(description="Nodes of its pool that are healthy, free and not named")
    said: str

    @classmethod
    def of(cls, named: HandedOver | None) -> "Named | None":
        if named is None:
            return None
        return cls(contract=named.contract, delivery=named.batch, free=named.free, said=named.said)


class Moved(Schema):
    """The node after its step, and what that does to promises."""

    node: NodeDetail
    consequence: Consequence
    dry_run: bool
    named: Named | None = Field(description="For whom it was handed over, where it goes away")

    @classmethod
    def of(cls, moved: upkeep.Moved) -> "Moved":
        return cls(
            node=NodeDetail.detail(moved.view),
            consequence=Consequence.of(moved.told),
            dry_run=moved.dry_run,
            named=Named.of(moved.named),
        )


class Drained(Schema):
    """What follows. `short`: by how many nodes its pool is then below what it has promised."""

    node: NodeDetail
    running: list[str] = Field(description="Leases that go on until they end")
    short: int
    consequence: str = Field(description="What happens, in words")
    promises: Consequence
    dry_run: bool
    named: Named | None = Field(description="For whom it was handed over")

    @classmethod
    def of(cls, drained: fleet.Drained, dry_run: bool) -> "Drained":
        return cls(
            node=NodeDetail.detail(drained.view),
            running=[lease.id for lease in drained.running],
            short=drained.short,
            consequence=drained.consequence,
            promises=Consequence.of(drained.told),
            dry_run=dry_run,
            named=Named.of(drained.named),
        )


def _node(view: fleet.NodeView) -> dict[str, Any]:
    node = view.node
    counts = {use.name.lower(): view.slots.count(use) for use in fleet.SlotClass}
    return {
        "id": node.id,
        "site": node.site,
        "block": node.block,
        "chip": node.chip,
        "gpus": node.gpus,
        "parts": node.parts,
        "capacity": Limits.of(node.capacity),
        "state": node.state,
        "note": node.note,
        "slots": node.slots,
        "slots_free": view.free,
        "ready": node.ready,
        "until": node.until,
        "drained": node.drained,
        "back": node.back,
        "named_for": node.named_for,
        "order": node.order,
        "batch": node.batch,
        "rack": node.rack,
        "kw": None if node.kw is None else power.shown(node.kw),
        "uses": {use: count for use, count in counts.items() if count},
        "leases": list(view.leases),
    }
