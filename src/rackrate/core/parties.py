"""Who buys, and with what they sign in: customers, projects, principals, tokens, keys."""

import re
from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import StrEnum

from rackrate.core.ids import CustomerId, EntityId, InvoiceId, PrincipalId, ProjectId
from rackrate.core.interval import zone
from rackrate.core.money import Money, digits
from rackrate.core.quick import quick
from rackrate.core.treatment import Dated, TaxChange, check_changes

_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")


def _adds_up(iban: str) -> bool:
    """ISO 13616: moved around, with letters as numbers from 10, it is 1 modulo 97."""
    turned = iban[4:] + iban[:4]
    return int("".join(str(int(sign, 36)) for sign in turned)) % 97 == 1


@dataclass(frozen=True, slots=True)
class Details:
    """What documents say of a party beside its name. Empty is not known, and asked for when needed.

    `registration` is its number in a register of companies. `account` is an IBAN, or the number of
    an account where there are none, at `bank`. `reference` is what a buyer wants to see on every
    invoice, beside the number of its order; `note` what a seller says on all of them.
    """

    legal_name: str = ""
    street: str = ""
    city: str = ""
    postcode: str = ""
    region: str = ""
    registration: str = ""
    contact: str = ""
    phone: str = ""
    email: str = ""
    bank: str = ""
    account: str = ""
    bic: str = ""
    reference: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        for each in fields(self):
            if not str(getattr(self, each.name)).isprintable():
                raise ValueError(f"{each.name} is one line without control characters")
        if _IBAN.fullmatch(self.iban) and not _adds_up(self.iban):
            raise ValueError(f"account {self.account!r} is no IBAN: its check digits are wrong")

    @property
    def iban(self) -> str:
        """The account without spaces."""
        return self.account.replace(" ", "").upper()

    def __str__(self) -> str:
        known = [(each.name, getattr(self, each.name)) for each in fields(self)]
        return "; ".join(f"{name} {value}" for name, value in known if value) or "none"


NO_DETAILS = Details()


@dataclass(frozen=True, slots=True)
class Party:
    """A seller or a buyer as a document names it."""

    name: str
    country: str
    tax_id: str
    details: Details = NO_DETAILS

    @property
    def legal_name(self) -> str:
        return self.details.legal_name or self.name

    def with_what_is_known(self, now: "Party") -> "Party":
        """This party, and for what was not known of it then, what is known of it now."""
        then = self.details
        filled = {
            each.name: getattr(then, each.name) or getattr(now.details, each.name)
            for each in fields(then)
        }
        return replace(self, tax_id=self.tax_id or now.tax_id, details=Details(**filled))


@quick
@dataclass(frozen=True, slots=True)
class InvoiceParties:
    """Who sold and who bought, as they were when an invoice was issued. `id` is its number."""

    id: InvoiceId
    customer: CustomerId
    seller: Party
    buyer: Party


@dataclass(frozen=True, slots=True)
class Customer:
    """Who buys (a tenant). `tax_rule` empty means the entity's own, until one of `tax_changes`.

    `of_operator` marks the operator's own account: it may use engines that do not isolate.
    What eligibility asks of it: its `sector` and `end_use`, in words that the operator's export
    rules use; the `data_countries` that its data may not leave (none: anywhere); whether it takes
    `domestic_chips` only, and only blocks that nobody else shares (`dedicated_block`).
    `credit_limit` is what may be open, used and running, with tax; None: there is no limit.
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
    details: Details = NO_DETAILS
    credit_limit: Money | None = None
    tax_changes: tuple[TaxChange, ...] = ()

    def __post_init__(self) -> None:
        zone(self.time_zone)
        digits(self.currency)
        check_changes(self.tax_changes)
        limit = self.credit_limit
        if limit is not None and (limit.currency != self.currency or limit.minor < 0):
            raise ValueError(f"a credit limit is 0 or more in {self.currency}, not {limit}")

    @property
    def party(self) -> Party:
        return Party(self.name, self.country, self.tax_id, self.details)

    @property
    def taxed(self) -> Dated:
        return Dated(self.tax_rule, self.tax_changes)


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
