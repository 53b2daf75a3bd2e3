"""Who buys, and with what they sign in: customers, projects, principals, tokens, keys."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from rackrate.core.ids import CustomerId, EntityId, PrincipalId, ProjectId
from rackrate.core.interval import zone
from rackrate.core.money import digits
from rackrate.core.quick import quick


@dataclass(frozen=True, slots=True)
class Customer:
    """Who buys (a tenant). `tax_rule` empty means the entity's own.

    `of_operator` marks the operator's own account: it may use engines that do not isolate.
    What eligibility asks of it: its `sector` and `end_use`, in words that the operator's export
    rules use; the `data_countries` that its data may not leave (none: anywhere); whether it takes
    `domestic_chips` only, and only blocks that nobody else shares (`dedicated_block`).
    """

    id: CustomerId
    entity: EntityId
    name: str
    country: str
    tax_id: str
    time_zone: str
    currency: str
    tax_rule: str = ""
    of_operator: bool = False
    sector: str = ""
    end_use: str = ""
    data_countries: tuple[str, ...] = ()
    domestic_chips: bool = False
    dedicated_block: bool = False

    def __post_init__(self) -> None:
        zone(self.time_zone)
        digits(self.currency)


@dataclass(frozen=True, slots=True)
class Project:
    """A customer's folder of leases, with members and keys."""

    id: ProjectId
    customer: CustomerId
    name: str


class PrincipalKind(StrEnum):
    PERSON = "person"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody, or a program, that can sign in. `email` is empty for a service."""

    id: PrincipalId
    kind: PrincipalKind
    name: str
    email: str = ""


@dataclass(frozen=True, slots=True)
class Token:
    """An API token. Only its SHA-256 is kept; it was shown once. `id` is safe to display."""

    id: str
    principal: PrincipalId
    digest: str
    name: str
    created: datetime
    expires: datetime | None = None
    revoked: datetime | None = None

    def valid(self, now: datetime) -> bool:
        return self.revoked is None and (self.expires is None or now < self.expires)


@dataclass(frozen=True, slots=True)
class SshKey:
    """An OpenSSH public key that opens the leases of one project."""

    id: str
    customer: CustomerId
    project: ProjectId
    name: str
    public_key: str
    fingerprint: str
    created: datetime


@quick
@dataclass(frozen=True, slots=True)
class Audit:
    """Who did what to which thing, and what came of it: `done`, or the reason of the refusal."""

    id: str
    at: datetime
    principal: PrincipalId
    verb: str
    target: str
    customer: CustomerId | None
    outcome: str
    request: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Idempotency:
    """The answer to a request that was carried out. `id` is principal and key; no secrets."""

    id: str
    fingerprint: str
    at: datetime
    status: int
    answer: str
