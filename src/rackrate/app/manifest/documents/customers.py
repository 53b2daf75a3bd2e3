"""Sellers, customers, their projects and people, as files declare them."""

import re
from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal
from typing import Any

from rackrate.app.identity import grant_of, person
from rackrate.app.manifest.documents.parts import Reader, rows
from rackrate.app.manifest.fields import Fields, closest, shown
from rackrate.core.access import ROLES, Role, Scope
from rackrate.core.ids import CustomerId, EntityId, ProjectId
from rackrate.core.interval import Month
from rackrate.core.inventory import Entity, TaxCode
from rackrate.core.money import Money
from rackrate.core.parties import NO_DETAILS, Customer, Details, Project
from rackrate.core.tax import RULES
from rackrate.core.treatment import TREATMENTS, Supply, TaxChange, treatment

# Who issues digital invoices for a tax authority; a real one needs that authority's own access.
CHANNELS = ("simulated",)
MOST_CREDIT = Decimal(10) ** 12
MOST_CHANGES = 100
_SCOPES: Mapping[Scope, str] = {
    Scope.OPERATOR: "the operator (no `customer`)",
    Scope.CUSTOMER: "a `customer`",
    Scope.PROJECT: "a `project` of a `customer`",
}


def _entity(f: Fields) -> list[Entity]:
    id, name, country = f.name("name"), f.text("title"), f.country("country")
    tax_id, time_zone = f.text("tax_id", ""), f.time_zone("time_zone")
    currency, series = f.currency("currency"), f.text("invoice_series", longest=16)
    tax, days = treated(f, "output_tax"), f.whole("payment_days", 0, 365, 30)
    changes, codes = tax_changes(f), _tax_codes(f)
    if series and not re.fullmatch(r"[A-Z0-9]+", series):
        f.wrong("invoice_series", f"{shown(series)} is not of A-Z and 0-9, such as EX")
    details, channel = _details(f), f.one_of("digital_invoices", CHANNELS, "")
    return rows(
        f,
        lambda: Entity(
            EntityId(id),
            name,
            country,
            tax_id,
            time_zone,
            currency,
            series,
            tax,
            days,
            details,
            channel,
            changes,
            codes,
        ),
    )


def treated(f: Fields, field: str, default: str | None = None) -> str:
    """A treatment: a rule, one of the table, or both of `service=RULE,lease=RULE`."""
    id = f.text(field, default)
    try:
        if id:
            treatment(id)
    except ValueError:
        known = (*TREATMENTS, *RULES, "service=RULE,lease=RULE")
        f.wrong(field, f"{shown(id)} is unknown; {closest(id, known)}")
    return id


def tax_changes(f: Fields, default: str | None = None) -> tuple[TaxChange, ...]:
    """From which month on it is another treatment."""
    if not f.has("tax_changes"):
        return ()
    found: list[TaxChange] = []
    for each in f.each("tax_changes", MOST_CHANGES):
        text, tax = each.text("from"), treated(each, "tax", default)
        each.refuse_unknown()
        try:
            if text and each.ok:
                found.append(TaxChange(Month.parse(text), tax))
        except ValueError as error:
            each.wrong("from", str(error))
    return tuple(found)


def _tax_codes(f: Fields) -> tuple[TaxCode, ...]:
    """The tax authority's class of each supply."""
    inner = f.inner("tax_codes")
    if inner is None:
        return ()
    said = [(supply, tax_code(inner, supply.value)) for supply in Supply]
    inner.refuse_unknown()
    return tuple(TaxCode(supply, code) for supply, code in said if code)


def tax_code(f: Fields, field: str) -> str:
    code = f.text(field, "", longest=32)
    if code and not re.fullmatch(r"[0-9]{1,32}", code):
        f.wrong(field, f"{shown(code)} is not a class of digits, of which China's have 19")
    return code


def _details(f: Fields) -> Details:
    """What documents say of a party beside its name: all of it may be left out."""
    inner = f.inner("details")
    if inner is None:
        return NO_DETAILS
    said = {each.name: inner.text(each.name, "", longest=200) for each in fields(Details)}
    return inner.build(lambda: Details(**said)) or NO_DETAILS


def _customer(f: Fields) -> list[Customer]:
    id, name = f.name("name"), f.text("title")
    entity, country = f.reference("entity", Entity), f.country("country")
    tax_id, time_zone = f.text("tax_id", ""), f.time_zone("time_zone")
    currency, tax = f.currency("currency"), treated(f, "tax_rule", "")
    changes = tax_changes(f, "")
    own = f.boolean("of_operator", False)
    sector = f.name("sector") if f.has("sector") else ""
    end_use = f.name("end_use") if f.has("end_use") else ""
    stays, domestic = f.countries("data_countries"), f.boolean("domestic_chips", False)
    alone, details = f.boolean("dedicated_block", False), _details(f)
    limit = f.optional_decimal("credit_limit", Decimal(0), MOST_CREDIT)
    return rows(
        f,
        lambda: Customer(
            CustomerId(id),
            EntityId(entity),
            name,
            country,
            tax_id,
            time_zone,
            currency,
            tax,
            own,
            sector,
            end_use,
            tuple(sorted(set(stays))),
            domestic,
            alone,
            details,
            None if limit is None else Money.parse(str(limit), currency),
            changes,
        ),
    )


def _project(f: Fields) -> list[Project]:
    id, name = f.name("name"), f.text("title")
    customer = f.reference("customer", Customer)
    return rows(f, lambda: Project(ProjectId(id), CustomerId(customer), name))


def _member(f: Fields) -> list[Any]:
    email, role = f.email("email"), f.choice("role", Role)
    customer = f.reference("customer", Customer, required=False)
    project = f.reference("project", Project, required=False)
    if project and not customer:
        f.wrong("project", "needs the `customer` that it belongs to beside it")
    asked = Scope.PROJECT if project else Scope.CUSTOMER if customer else Scope.OPERATOR
    scope = ROLES[role][0]
    if f.ok and asked != scope:
        f.wrong("role", f"{role} is granted on {_SCOPES[scope]}, not on {_SCOPES[asked]}")
    who = person(email)
    what = CustomerId(customer) if customer else None
    where = ProjectId(project) if project else None
    return f.build(lambda: [who, grant_of(who.id, role, what, where)]) or []


READERS: Mapping[str, Reader] = {
    "entity": Reader(Entity, _entity),
    "customer": Reader(Customer, _customer),
    "project": Reader(Project, _project),
    "member": Reader(object, _member),
}
