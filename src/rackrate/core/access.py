"""Who may do what: grants are rows, and one pure function answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from rackrate.core.ids import CustomerId, PrincipalId, ProjectId
from rackrate.core.quick import quick


class Verb(StrEnum):
    """Everything that can be done, in words that the audit log shows."""

    FLEET_READ = "fleet.read"
    FLEET_WRITE = "fleet.write"
    CATALOGUE_READ = "catalogue.read"
    CATALOGUE_WRITE = "catalogue.write"
    CUSTOMER_READ = "customer.read"
    CUSTOMER_WRITE = "customer.write"
    MEMBER_READ = "member.read"
    MEMBER_WRITE = "member.write"
    PROJECT_READ = "project.read"
    PROJECT_WRITE = "project.write"
    KEY_WRITE = "key.write"
    TOKEN_WRITE = "token.write"
    CONTRACT_READ = "contract.read"
    CONTRACT_WRITE = "contract.write"
    QUOTE_READ = "quote.read"
    QUOTE_WRITE = "quote.write"
    QUOTE_SIGN = "quote.sign"
    QUOTE_APPROVE = "quote.approve"
    DELIVERY_ACCEPT = "delivery.accept"
    LEASE_READ = "lease.read"
    LEASE_WRITE = "lease.write"
    LEASE_ENTER = "lease.enter"
    ADDRESS_WRITE = "address.write"
    READING_WRITE = "reading.write"
    INVOICE_READ = "invoice.read"
    INVOICE_WRITE = "invoice.write"
    LEDGER_READ = "ledger.read"
    BUDGET_WRITE = "budget.write"
    CHANNEL_READ = "channel.read"
    CHANNEL_WRITE = "channel.write"
    AUDIT_READ = "audit.read"
    SYSTEM_WRITE = "system.write"


class Role(StrEnum):
    """Operator roles are granted on the operator; the others on a customer or a project."""

    ADMIN = "admin"
    FLEET = "fleet"
    SALES = "sales"
    FINANCE = "finance"
    VIEWER = "viewer"
    METER = "meter"
    OWNER = "owner"
    MEMBER = "member"
    ACCOUNTANT = "accountant"
    GUEST = "guest"


class Scope(StrEnum):
    OPERATOR = "operator"
    CUSTOMER = "customer"
    PROJECT = "project"


READS = frozenset(verb for verb in Verb if verb.endswith(".read"))
_GUEST = frozenset({Verb.CATALOGUE_READ, Verb.PROJECT_READ, Verb.LEASE_READ})
_MEMBER = _GUEST | {
    Verb.LEASE_WRITE,
    Verb.LEASE_ENTER,
    Verb.ADDRESS_WRITE,
    Verb.KEY_WRITE,
    Verb.CONTRACT_READ,
}
_MONEY = frozenset(
    {
        Verb.INVOICE_READ,
        Verb.CONTRACT_READ,
        Verb.QUOTE_READ,
        Verb.CUSTOMER_READ,
        Verb.CHANNEL_READ,
    }
)

# One table: roles x scope where they may be granted x verbs. Tests enumerate it.
ROLES: Mapping[Role, tuple[Scope, frozenset[Verb]]] = {
    Role.ADMIN: (Scope.OPERATOR, frozenset(Verb)),
    Role.FLEET: (
        Scope.OPERATOR,
        READS - {Verb.LEDGER_READ} | {Verb.FLEET_WRITE, Verb.READING_WRITE},
    ),
    Role.SALES: (
        Scope.OPERATOR,
        (READS - {Verb.LEDGER_READ, Verb.AUDIT_READ})
        | {
            Verb.CUSTOMER_WRITE,
            Verb.CONTRACT_WRITE,
            Verb.QUOTE_WRITE,
            Verb.QUOTE_SIGN,
            Verb.PROJECT_WRITE,
            Verb.MEMBER_WRITE,
        },
    ),
    Role.FINANCE: (
        Scope.OPERATOR,
        READS | {Verb.INVOICE_WRITE, Verb.QUOTE_APPROVE, Verb.BUDGET_WRITE, Verb.CHANNEL_WRITE},
    ),
    Role.VIEWER: (Scope.OPERATOR, READS - {Verb.AUDIT_READ}),
    # A meter tells what it has read, and looks at nothing.
    Role.METER: (Scope.OPERATOR, frozenset({Verb.READING_WRITE})),
    Role.OWNER: (
        Scope.CUSTOMER,
        _MEMBER
        | _MONEY
        | {
            Verb.QUOTE_SIGN,
            Verb.DELIVERY_ACCEPT,
            Verb.MEMBER_READ,
            Verb.MEMBER_WRITE,
            Verb.PROJECT_WRITE,
            Verb.TOKEN_WRITE,
            Verb.AUDIT_READ,
            Verb.BUDGET_WRITE,
            Verb.CHANNEL_WRITE,
        },
    ),
    Role.ACCOUNTANT: (Scope.CUSTOMER, _GUEST | _MONEY),
    Role.MEMBER: (Scope.PROJECT, _MEMBER),
    Role.GUEST: (Scope.PROJECT, _GUEST),
}


@dataclass(frozen=True, slots=True)
class Grant:
    """`principal` has `role` on one scope. `id` is made of its parts: granting twice is once."""

    id: str
    principal: PrincipalId
    role: Role
    customer: CustomerId | None = None
    project: ProjectId | None = None

    @property
    def scope(self) -> Scope:
        if self.project is not None:
            return Scope.PROJECT
        return Scope.OPERATOR if self.customer is None else Scope.CUSTOMER


@quick
@dataclass(frozen=True, slots=True)
class Target:
    """What is acted on, and whose it is. No customer: it is the operator's."""

    kind: str
    id: str = ""
    customer: CustomerId | None = None
    project: ProjectId | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: a principal, with its grants as they are now. `request` ties audit to a call."""

    principal: PrincipalId
    grants: tuple[Grant, ...]
    request: str = ""

    @property
    def operator(self) -> bool:
        """Whether it works for the operator, and so may know of every customer."""
        return any(grant.customer is None for grant in self.grants)

    @property
    def customers(self) -> frozenset[CustomerId]:
        return frozenset(grant.customer for grant in self.grants if grant.customer is not None)


def allows(actor: Actor, verb: Verb, target: Target) -> bool:
    """Whether one of the actor's grants covers this verb on this target."""
    for grant in actor.grants:  # noqa: SIM110 - any() takes three times as long
        if verb in ROLES[grant.role][1] and _covers(grant, target):
            return True
    return False


def knows_of(actor: Actor, target: Target) -> bool:
    """Whether the actor may learn that the target exists; if not, it is "not found"."""
    if target.customer is None:
        return True
    return any(
        _covers(grant, target) or grant.customer == target.customer for grant in actor.grants
    )


def _covers(grant: Grant, target: Target) -> bool:
    if grant.customer is None:
        return True
    if target.customer is None:
        return target.kind == "catalogue"
    if grant.customer != target.customer:
        return False
    return grant.project is None or grant.project == target.project
