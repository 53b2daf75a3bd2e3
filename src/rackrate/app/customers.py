"""Customers and their projects, and the audit log of what everybody did."""

from dataclasses import dataclass
from typing import Any

from rackrate.app.ports import Tx
from rackrate.app.world import Locate, World, acting, confine, reading
from rackrate.core.access import Actor, Target, Verb, allows
from rackrate.core.errors import Conflict, Forbidden, Invalid
from rackrate.core.ids import CustomerId, EntityId, PrincipalId, ProjectId, is_name
from rackrate.core.inventory import Entity
from rackrate.core.parties import NO_DETAILS, Audit, Customer, Details, Project
from rackrate.core.treatment import treatment

MOST_AUDIT_ROWS = 1000


@dataclass(frozen=True, slots=True)
class NewCustomer:
    """What is told of a new customer. What is left empty is as with its entity."""

    id: CustomerId
    name: str
    country: str
    entity: EntityId | None = None
    tax_id: str = ""
    time_zone: str = ""
    currency: str = ""
    tax_rule: str = ""
    details: Details = NO_DETAILS


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which rows of the audit log; what is None is not asked."""

    principal: PrincipalId | None = None
    customer: CustomerId | None = None
    verb: Verb | None = None


def create_customer(world: World, actor: Actor, new: NewCustomer) -> Customer:
    """A customer, who from now on can have projects, members, leases and contracts."""
    _check_name("id", new.id)
    _check_title("name", new.name)
    if not (len(new.country) == 2 and new.country.isascii() and new.country.isupper()):
        raise Invalid("country", "two capital letters of ISO 3166, such as CN")
    with acting(world, actor, Verb.CUSTOMER_WRITE, Target("customer", new.id)) as tx:
        entity = _entity(tx, new.entity)
        if tx.peek(Customer, new.id) is not None:
            raise Conflict(f"customer {new.id!r} is already there")
        try:
            customer = Customer(
                new.id,
                entity.id,
                new.name,
                new.country,
                new.tax_id,
                new.time_zone or entity.time_zone,
                new.currency or entity.currency,
                new.tax_rule,
                details=new.details,
            )
            if new.tax_rule:
                treatment(new.tax_rule)
        except ValueError as error:
            raise Invalid("", str(error)) from None
        for party, under in entity.unnamed(customer):
            said = f"of {party.name} must be a VAT id of {party.country} under {under}"
            raise Invalid("tax_id", f"{said}, such as DE123456788")
        tx.add(customer)
        return customer


def show_customer(world: World, actor: Actor, id: CustomerId) -> Customer:
    with reading(world, actor, Verb.CUSTOMER_READ, Target("customer", id, id)) as tx:
        confine(tx, actor)
        return tx.get(Customer, id)


def list_customers(
    world: World, actor: Actor, after: str = "", limit: int | None = None
) -> list[Customer]:
    """All of them for the operator; for anybody else, those that it belongs to."""
    if actor.operator:
        with reading(world, actor, Verb.CUSTOMER_READ, Target("customer")) as tx:
            return tx.find(Customer, after=after, limit=limit)
    with world.store.transaction() as tx:
        confine(tx, actor)
        mine = sorted(id for id in actor.customers if id > after)
        found = (tx.peek(Customer, id) for id in mine if _may_read(actor, id))
        return [customer for customer in found if customer is not None][:limit]


def create_project(
    world: World, actor: Actor, customer: CustomerId, id: ProjectId, name: str
) -> Project:
    """A folder for leases, with members and keys of its own."""
    _check_name("id", id)
    _check_title("name", name)
    with acting(world, actor, Verb.PROJECT_WRITE, Target("project", id, customer)) as tx:
        tx.get(Customer, customer)
        if tx.peek(Project, id) is not None:
            raise Conflict(f"the project name {id!r} is taken")
        project = Project(id, customer, name)
        tx.add(project)
        return project


def show_project(world: World, actor: Actor, id: ProjectId) -> Project:
    with reading(world, actor, Verb.PROJECT_READ, _project(id)) as tx:
        confine(tx, actor)
        return tx.get(Project, id)


def list_projects(
    world: World,
    actor: Actor,
    customer: CustomerId | None = None,
    after: str = "",
    limit: int | None = None,
) -> list[Project]:
    """The projects that the actor may see: all of them for the operator."""
    with world.store.transaction() as tx:
        confine(tx, actor)
        whose = actor.customers if customer is None else actor.customers & {customer}
        if actor.operator:
            equal: dict[str, Any] = {} if customer is None else {"customer": customer}
            found = tx.find(Project, after=after, **equal)
        else:
            found = tx.find(Project, after=after, customer=tuple(sorted(whose)))
    seen = [
        project
        for project in found
        if allows(
            actor, Verb.PROJECT_READ, Target("project", project.id, project.customer, project.id)
        )
    ]
    return seen[:limit]


def list_audit(
    world: World,
    actor: Actor,
    wanted: AuditFilter | None = None,
    after: str = "",
    limit: int = 100,
) -> list[Audit]:
    """Who did what, newest first. The operator sees all; a customer's owner, only its own."""
    asked = wanted or AuditFilter()
    if not 1 <= limit <= MOST_AUDIT_ROWS:
        raise Invalid("limit", f"{limit} is not 1 to {MOST_AUDIT_ROWS}")
    customer = asked.customer
    if customer is None and not actor.operator:
        if len(actor.customers) != 1:
            raise Forbidden("you belong to several customers, or to none: say which")
        customer = next(iter(actor.customers))
    fields = {"principal": asked.principal, "customer": customer, "verb": asked.verb}
    named: dict[str, Any] = {name: value for name, value in fields.items() if value is not None}
    with reading(world, actor, Verb.AUDIT_READ, Target("audit", "", customer)) as tx:
        return tx.find(Audit, after=after, limit=limit, newest_first=True, **named)


def _project(id: ProjectId) -> Locate:
    def locate(tx: Tx) -> Target:
        project = tx.get(Project, id)
        return Target("project", id, project.customer, id)

    return locate


def _may_read(actor: Actor, id: CustomerId) -> bool:
    return allows(actor, Verb.CUSTOMER_READ, Target("customer", id, id))


def _entity(tx: Tx, id: EntityId | None) -> Entity:
    if id is not None:
        return tx.get(Entity, id)
    entities = tx.find(Entity, limit=2)
    if len(entities) != 1:
        known = "there is none yet: apply one" if not entities else "there are several: say which"
        raise Invalid("entity", known)
    return entities[0]


def _check_name(field: str, text: str) -> None:
    if not is_name(text):
        raise Invalid(field, "1 to 63 of a-z, 0-9, dot, dash and underscore, as example-studio")


def _check_title(field: str, text: str) -> None:
    if not 1 <= len(text.strip()) <= 200 or not all(char.isprintable() for char in text):
        raise Invalid(field, "one line of 1 to 200 characters")
