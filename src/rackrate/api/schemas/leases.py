"""Leases: what is asked for, and what is answered."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from rackrate.api.schemas.catalogue import Price
from rackrate.api.schemas.parts import Id, Limits, LongText, Schema, Text
from rackrate.app import leasing
from rackrate.app.resizing import NewShape
from rackrate.core import lease as leases
from rackrate.core import workload
from rackrate.core.ids import ContractId, ProjectId, SkuId
from rackrate.core.lease import EventKind, LeaseClass, Phase, Wanted


def absolute(path: str) -> str:
    workload.Mount("", path)
    return path


class Volume(Schema):
    """The project's volume `name`, seen by the workload at `path`. It outlives the lease.

    `gb` is the size that it is billed for while this lease runs or is stopped, until it ends.
    """

    name: str = Field(pattern=r"^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$", examples=["data"])
    path: Annotated[str, AfterValidator(absolute)] = Field(
        max_length=1000, pattern=r"^/[^\x00]*$", examples=["/data"]
    )
    gb: int = Field(default=0, ge=0, le=workload.MOST_GB, description="0: not declared, not billed")


class LeaseRequest(Schema):
    """`count` units of a SKU on each of `nodes` nodes: all of it or nothing."""

    project: Id
    sku: Id = Field(examples=["h100.1"])
    count: int = Field(default=1, ge=1, le=leasing.MOST_COUNT)
    nodes: int = Field(default=1, ge=1, le=leasing.MOST_COUNT)
    klass: LeaseClass | None = Field(
        default=None,
        alias="class",
        description="Left out: what the contract has for the SKU; on demand without a contract",
    )
    contract: Id | None = Field(
        default=None,
        description="Whose reserved nodes to use; of class `on_demand`, at whose prices",
    )
    overage: bool = Field(
        default=False,
        description="Start it on demand, at the contract's overage, where its nodes are in use",
    )
    name: Text = ""
    image: Text = ""
    command: list[LongText] = Field(
        default_factory=list,
        max_length=1000,
        description="Program and arguments; empty keeps the lease open to log in to",
        examples=[["python3", "train.py"]],
    )
    env: dict[str, LongText] = Field(default_factory=dict, examples=[{"EPOCHS": "3"}])
    ports: list[int] = Field(default_factory=list, max_length=100)
    volumes: list[Volume] = Field(default_factory=list, max_length=100)
    ssh_keys: list[LongText] = Field(
        default_factory=list, max_length=100, description="Besides the project's own"
    )
    same_block: bool = Field(default=False, description="Refuse a gang that no one block fits")

    def ask(self) -> leasing.Ask:
        return leasing.Ask(
            ProjectId(self.project),
            SkuId(self.sku),
            self.count,
            self.nodes,
            self.klass,
            None if self.contract is None else ContractId(self.contract),
            workload.Spec(
                self.image,
                tuple(self.command),
                dict(self.env),
                tuple(self.ports),
                tuple(
                    workload.Mount(volume.name, volume.path, volume.gb) for volume in self.volumes
                ),
                tuple(self.ssh_keys),
            ),
            self.name,
            self.same_block,
            self.overage,
        )


class ResizeRequest(Schema):
    """What of its shape changes; what is left out stays."""

    count: int | None = Field(default=None, ge=1, le=leasing.MOST_COUNT)
    nodes: int | None = Field(default=None, ge=1, le=leasing.MOST_COUNT)
    sku: Id | None = Field(default=None, description="Another one of the same site")

    def shape(self) -> NewShape:
        return NewShape(self.count, self.nodes, None if self.sku is None else SkuId(self.sku))


class Member(Schema):
    """One node's share of a lease."""

    rank: int
    node: str
    slots: str = Field(examples=["0-3,7"])


class Lease(Schema):
    """`wanted` is what was asked for; `phase` is what was observed."""

    id: str
    name: str
    customer: str
    project: str
    site: str
    sku: str
    klass: LeaseClass = Field(serialization_alias="class")
    contract: str | None
    count: int
    nodes: int
    slots: int = Field(description="Slots on each node")
    wanted: Wanted
    phase: Phase
    waits: bool = Field(description="For spot to make room: it has no nodes yet")
    live: bool
    created: datetime
    since: datetime = Field(description="When it was last told or seen to change")
    billed_since: datetime | None = Field(description="Set while its GPUs are billed")
    ended: datetime | None
    safe_until: datetime | None = Field(
        description="Until then it never has to give way; null: no such instant is known"
    )
    until: datetime | None = Field(
        description="It has been given notice: it ends then, and its nodes go to whom they are "
        "promised to; null: no notice"
    )
    members: list[Member]

    @classmethod
    def of(cls, lease: leases.Lease) -> "Lease":
        return cls.model_construct(**_plain(lease))


class Event(Schema):
    """One fact. `at` is when it was true, `recorded_at` when it was known."""

    seq: int
    at: datetime
    recorded_at: datetime
    kind: EventKind
    cause: str
    members: list[Member]
    shape: str | None = Field(description="Of a change of shape: what it has from then on")
    until: datetime | None = Field(
        description="Of a notice: when the lease ends to give way; of others: until when it is safe"
    )

    @classmethod
    def of(cls, event: leases.LeaseEvent) -> "Event":
        return cls(
            seq=event.seq,
            at=event.at,
            recorded_at=event.recorded_at,
            kind=event.kind,
            cause=event.cause,
            members=_members(event.members),
            shape=None if event.shape is None else _shape(event.shape),
            until=event.until,
        )


class FoundMember(Schema):
    """What the engine sees of one member now."""

    rank: int
    phase: workload.MemberPhase
    since: datetime
    reason: str
    address: str
    devices: list[str]
    isolation: str

    @classmethod
    def of(cls, member: workload.FoundMember) -> "FoundMember":
        return cls(
            rank=member.rank,
            phase=member.phase,
            since=member.since,
            reason=member.reason,
            address=member.address,
            devices=list(member.devices),
            isolation=member.isolation,
        )


class LeaseDetail(Lease):
    """A lease with its terms, its whole history, and what its engine sees of it."""

    limits: Limits = Field(description="What one member may use")
    image: str
    command: list[str]
    env: list[str] = Field(description="Names only: values may be secrets")
    ports: list[int]
    volumes: list[Volume]
    isolation: str = Field(description="What contains it", examples=["runc", "simulated"])
    price: Price | None = Field(
        description="What it is billed at; null on nodes that are paid by the month"
    )
    ssh: str | None = Field(description="How to get in, once it runs")
    addresses: list[str] = Field(
        description="Public addresses that are said to belong to it; no router is set up by that",
        examples=[["192.0.2.7"]],
    )
    found: list[FoundMember]
    history: list[Event]

    @classmethod
    def detail(cls, seen: leasing.Detail, ssh: str) -> "LeaseDetail":
        lease, price = seen.lease, seen.price
        spec = lease.terms.spec
        members = () if seen.found is None else seen.found.members
        return cls.model_construct(
            **_plain(lease),
            limits=Limits.of(lease.terms.limits),
            image=spec.image,
            command=list(spec.command),
            env=sorted(spec.env),
            ports=list(spec.ports),
            volumes=[
                Volume(name=mount.name, path=mount.path, gb=mount.gb) for mount in spec.volumes
            ],
            isolation=seen.isolation,
            price=None if price is None else Price.of(price),
            ssh=ssh if lease.phase is Phase.RUNNING else None,
            addresses=[each.address for each in seen.addresses],
            found=[FoundMember.of(member) for member in members],
            history=[Event.of(event) for event in seen.events],
        )


def _members(members: Iterable[workload.Member]) -> list[Member]:
    return [
        Member.model_construct(rank=member.rank, node=member.node, slots=str(member.slots))
        for member in members
    ]


def _shape(shape: leases.Shape) -> str:
    gang = f" on {shape.nodes} nodes" if shape.nodes > 1 else ""
    return f"{shape.count} x {shape.sku}{gang}"


def _plain(lease: leases.Lease) -> dict[str, Any]:
    terms = lease.terms
    return {
        "id": lease.id,
        "name": terms.name,
        "customer": lease.customer,
        "project": lease.project,
        "site": terms.site,
        "sku": terms.sku,
        "klass": terms.klass,
        "contract": terms.contract,
        "count": terms.count,
        "nodes": terms.nodes,
        "slots": terms.slots,
        "wanted": lease.wanted,
        "phase": lease.phase,
        "waits": lease.waits,
        "live": lease.live,
        "created": lease.created,
        "since": lease.since,
        "billed_since": lease.billed_since,
        "ended": lease.ended,
        "safe_until": lease.safe_until,
        "until": lease.until,
        "members": _members(lease.members),
    }
