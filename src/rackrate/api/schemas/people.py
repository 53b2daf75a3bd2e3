"""Customers, projects, members, tokens, keys, and who one is."""

from dataclasses import asdict
from datetime import datetime

from pydantic import Field, model_validator

from rackrate.api.schemas.parts import Country, Id, Name, Schema, Text
from rackrate.api.schemas.tax import TaxChange
from rackrate.app import customers, identity
from rackrate.core import access, parties
from rackrate.core.access import Role
from rackrate.core.ids import CustomerId, EntityId

EMAIL = r"^[^\s@\x00]+@[^\s@\x00]+$"


class Details(Schema):
    """What documents say of a party beside its name. What is empty is not known."""

    legal_name: Text = Field(default="", description="Where it differs from the name")
    street: Text = Field(default="", examples=["Example Road 1"])
    city: Text = Field(default="", examples=["Shanghai"])
    postcode: Text = ""
    region: Text = ""
    registration: Text = Field(default="", description="Its number in a register of companies")
    contact: Text = ""
    phone: Text = ""
    email: Text = ""
    bank: Text = ""
    account: Text = Field(default="", description="An IBAN, or the number of an account")
    bic: Text = ""
    reference: Text = Field(default="", description="What a buyer wants to see on every invoice")

    note: Text = Field(default="", description="What a seller says on every invoice")

    @classmethod
    def of(cls, details: parties.Details) -> "Details":
        return cls(**asdict(details))

    @model_validator(mode="after")
    def _can_be(self) -> "Details":
        parties.Details(**self.model_dump())
        return self

    @property
    def value(self) -> parties.Details:
        return parties.Details(**self.model_dump())


class CustomerRequest(Schema):
    """A new customer. What is left out is taken from the selling entity."""

    id: Name
    name: Text = Field(min_length=1, examples=["Example Studio"])
    entity: Id | None = Field(default=None, description="Needed only where there are several")
    country: Country
    tax_id: Text = ""
    time_zone: Text = Field(default="", examples=["Asia/Shanghai"])
    currency: str = Field(default="", pattern=r"^([A-Z]{3})?$", examples=["CNY"])
    tax_rule: Text = Field(
        default="",
        description="A rule, or one for each supply; empty: the entity's own",
        examples=["cn-general", "service=cn-service-6,lease=zero-rated"],
    )
    details: Details = Details()

    def new(self) -> customers.NewCustomer:
        return customers.NewCustomer(
            CustomerId(self.id),
            self.name,
            self.country,
            None if self.entity is None else EntityId(self.entity),
            self.tax_id,
            self.time_zone,
            self.currency,
            self.tax_rule,
            self.details.value,
        )


class Customer(Schema):
    """Who buys."""

    id: str
    entity: str
    name: str
    country: str
    tax_id: str
    time_zone: str
    currency: str
    tax_rule: str
    tax_changes: list[TaxChange]
    of_operator: bool
    details: Details

    @classmethod
    def of(cls, customer: parties.Customer) -> "Customer":
        return cls(
            id=customer.id,
            entity=customer.entity,
            name=customer.name,
            country=customer.country,
            tax_id=customer.tax_id,
            time_zone=customer.time_zone,
            currency=customer.currency,
            tax_rule=customer.tax_rule,
            tax_changes=[TaxChange.of(each) for each in customer.tax_changes],
            of_operator=customer.of_operator,
            details=Details.of(customer.details),
        )


class ProjectRequest(Schema):
    """A new project of a customer."""

    id: Name
    customer: Id
    name: Text = Field(min_length=1, examples=["Training"])


class Project(Schema):
    """A customer's folder of leases, with members and keys."""

    id: str
    customer: str
    name: str

    @classmethod
    def of(cls, project: parties.Project) -> "Project":
        return cls(id=project.id, customer=project.customer, name=project.name)


class KeyRequest(Schema):
    """An OpenSSH public key, as it stands in a `.pub` file."""

    public_key: str = Field(
        min_length=1,
        max_length=16384,
        pattern=r"^[^\x00]*$",
        examples=["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample me@laptop"],
    )
    name: Text = Field(default="", description="Empty: the key's own comment")


class Key(Schema):
    """A public key that opens the leases of one project."""

    id: str
    customer: str
    project: str
    name: str
    public_key: str
    fingerprint: str
    created: datetime

    @classmethod
    def of(cls, key: parties.SshKey) -> "Key":
        return cls(
            id=key.id,
            customer=key.customer,
            project=key.project,
            name=key.name,
            public_key=key.public_key,
            fingerprint=key.fingerprint,
            created=key.created,
        )


class MemberRequest(Schema):
    """Give a person a role: on the operator, on a customer, or on a project of a customer."""

    email: str = Field(max_length=200, pattern=EMAIL, examples=["kim@example.com"])
    role: Role
    customer: Id | None = None
    project: Id | None = None


class Member(Schema):
    """A role of a principal on one scope."""

    id: str
    principal: str
    role: Role
    scope: access.Scope
    customer: str | None
    project: str | None

    @classmethod
    def of(cls, grant: access.Grant) -> "Member":
        return cls(
            id=grant.id,
            principal=grant.principal,
            role=grant.role,
            scope=grant.scope,
            customer=grant.customer,
            project=grant.project,
        )


class TokenRequest(Schema):
    """A new API token, for oneself or for somebody one may act for."""

    name: str = Field(min_length=1, max_length=100, pattern=r"^[^\x00]*$", examples=["laptop"])
    days: int | None = Field(default=None, ge=1, le=3650, description="Left out: for ever")
    principal: Id | None = Field(default=None, description="Left out: yourself")


class Token(Schema):
    """An API token, without its secret."""

    id: str
    principal: str
    name: str
    created: datetime
    expires: datetime | None
    revoked: datetime | None

    @classmethod
    def of(cls, token: parties.Token) -> "Token":
        return cls(
            id=token.id,
            principal=token.principal,
            name=token.name,
            created=token.created,
            expires=token.expires,
            revoked=token.revoked,
        )


class NewToken(Token):
    """A token with its secret, shown this once. Asked again with the same key, the answer has
    `secret` null, since it is kept nowhere, and `note` says so.
    """

    secret: str | None = Field(examples=["rr_…"])
    note: str

    @classmethod
    def made(cls, made: identity.NewToken) -> "NewToken":
        return cls(
            **Token.of(made.token).model_dump(),
            secret=made.secret,
            note="This secret is shown this once; keep it now.",
        )

    def without_secret(self) -> "NewToken":
        """What may be kept, and is answered when the request is repeated."""
        note = "The secret was shown once and is kept nowhere; make a new token if it is lost."
        return self.model_copy(update={"secret": None, "note": note})


class Whoami(Schema):
    """Who the token is for, and what this one may do."""

    principal: str
    operator: bool
    customers: list[str]
    grants: list[Member]

    @classmethod
    def of(cls, actor: access.Actor) -> "Whoami":
        return cls(
            principal=actor.principal,
            operator=actor.operator,
            customers=sorted(actor.customers),
            grants=[Member.of(grant) for grant in actor.grants],
        )


class Audit(Schema):
    """Who did what to which thing, and what came of it: `done`, or the reason of the refusal."""

    id: str
    at: datetime
    principal: str
    verb: str
    target: str
    customer: str | None
    outcome: str
    request: str
    detail: str

    @classmethod
    def of(cls, row: parties.Audit) -> "Audit":
        return cls(
            id=row.id,
            at=row.at,
            principal=row.principal,
            verb=row.verb,
            target=row.target,
            customer=row.customer,
            outcome=row.outcome,
            request=row.request,
            detail=row.detail,
        )
