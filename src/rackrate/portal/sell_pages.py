"""To whom is sold: customers, their projects and their members."""

from typing import Annotated, Any

from fastapi import APIRouter, Form
from fastapi.responses import Response

from rackrate.app import billing, customers, identity, leasing, tallies
from rackrate.core.access import ROLES, Role, Scope, Verb
from rackrate.core.errors import Invalid, RackrateError
from rackrate.core.ids import CustomerId, ProjectId
from rackrate.core.money import total
from rackrate.core.tally import Tally
from rackrate.portal.errors import refusal, status_of
from rackrate.portal.page import ROLE_NAMES, Page, Posted, Same, Visited

router = APIRouter()
A_PAGE = 100


@router.get("/customers")
def all_customers(page: Visited, after: str = "") -> Response:
    return _customers_page(page, after, None)


def _customers_page(page: Page, after: str, refused: RackrateError | None) -> Response:
    found = customers.list_customers(page.world, page.actor, after, A_PAGE + 1)
    shown = found[:A_PAGE]
    live = leasing.find(page.world, page.actor, leasing.Filter(live=True))
    owing = billing.find(page.world, page.actor) if page.may(Verb.INVOICE_READ) else []
    rows = [
        {
            "customer": one,
            "leases": sum(lease.customer == one.id for lease in live),
            "gpus": sum(
                lease.terms.slots * lease.terms.nodes
                for lease in live
                if lease.customer == one.id and lease.members
            ),
            "open": total((i.open for i in owing if i.customer == one.id), one.currency),
        }
        for one in shown
    ]
    values: dict[str, Any] = {
        "rows": rows,
        "following": shown[-1].id if len(found) > A_PAGE else "",
        "form_key": page.form_key(),
        "refusal": None if refused is None else refusal(page, refused),
    }
    status = 200 if refused is None else status_of(refused)
    same = Same("rackrate customer list", "GET /v1/customers")
    return page.show("customers.html", same, status, **values)


@router.post("/customers")
def new_customer(
    page: Posted,
    id: Annotated[str, Form()] = "",
    name: Annotated[str, Form()] = "",
    country: Annotated[str, Form()] = "",
    tax_id: Annotated[str, Form()] = "",
    form_key: Annotated[str, Form()] = "",
) -> Response:
    def carry_out() -> str:
        new = customers.NewCustomer(CustomerId(id), name.strip(), country.strip(), tax_id=tax_id)
        made = customers.create_customer(page.world, page.actor, new)
        return f"/customers/{made.id}?done=customer-made"

    try:
        return page.once(form_key, f"customer/{id}/{name}/{country}/{tax_id}", carry_out)
    except RackrateError as refused:
        return _customers_page(page, "", refused)


@router.get("/customers/{id}")
def customer(page: Visited, id: str) -> Response:
    return customer_page(page, CustomerId(id), None)


@router.get("/projects")
def projects(page: Visited) -> Response:
    """A customer's own projects and members; the operator goes by way of the customer."""
    mine = page.organisation.customer
    if mine is None:
        return page.go("/customers")
    return customer_page(page, mine, None)


def customer_page(page: Page, id: CustomerId, refused: RackrateError | None) -> Response:
    """Who it is, its projects, and who may do what."""
    row = None
    if page.may(Verb.CUSTOMER_READ):
        row = customers.show_customer(page.world, page.actor, id)
    may_members = page.may(Verb.MEMBER_READ)
    values: dict[str, Any] = {
        "customer": row,
        "numbers": _numbers(page, id),
        "id": id,
        "projects": customers.list_projects(page.world, page.actor, id),
        "members": identity.list_members(page.world, page.actor, id) if may_members else [],
        "may_members": may_members,
        "role_names": ROLE_NAMES,
        "roles": [r for r in Role if ROLES[r][0] in (Scope.CUSTOMER, Scope.PROJECT)],
        "form_key": page.form_key(),
        "refusal": None if refused is None else refusal(page, refused),
    }
    status = 200 if refused is None else status_of(refused)
    same = Same(f"rackrate project list --customer {id}", f"GET /v1/projects?customer={id}")
    return page.show("customer.html", same, status, **values)


def _numbers(page: Page, customer: CustomerId) -> Tally | None:
    """The four numbers, for those who may see the contracts of the whole customer."""
    if not page.may(Verb.CONTRACT_READ):
        return None
    return tallies.of_customer(page.world, page.actor, customer).total


@router.post("/customers/{id}/projects")
def new_project(
    page: Posted,
    id: str,
    project: Annotated[str, Form()] = "",
    name: Annotated[str, Form()] = "",
    form_key: Annotated[str, Form()] = "",
) -> Response:
    owner = CustomerId(id)

    def carry_out() -> str:
        made = customers.create_project(
            page.world, page.actor, owner, ProjectId(project), name.strip()
        )
        return f"/projects/{made.id}?done=project-made"

    try:
        return page.once(form_key, f"project/{id}/{project}/{name}", carry_out)
    except RackrateError as refused:
        return customer_page(page, owner, refused)


@router.post("/customers/{id}/members")
def new_member(
    page: Posted,
    id: str,
    email: Annotated[str, Form()] = "",
    role: Annotated[str, Form()] = "",
    project: Annotated[str, Form()] = "",
    form_key: Annotated[str, Form()] = "",
) -> Response:
    owner = CustomerId(id)

    def carry_out() -> str:
        if role not in frozenset(Role):
            raise Invalid("role", f"{role!r} is not a role")
        scoped = ProjectId(project) if ROLES[Role(role)][0] is Scope.PROJECT else None
        if scoped == "":
            raise Invalid("project", f"the role {role} is given on a project: say which")
        identity.grant(page.world, page.actor, email.strip(), Role(role), owner, scoped)
        return f"{home_of(page, owner)}?done=granted"

    try:
        return page.once(form_key, f"member/{id}/{email}/{role}/{project}", carry_out)
    except RackrateError as refused:
        return customer_page(page, owner, refused)


@router.post("/customers/{id}/members/remove")
def remove_member(
    page: Posted,
    id: str,
    grant: Annotated[str, Form()] = "",
    form_key: Annotated[str, Form()] = "",
) -> Response:
    owner = CustomerId(id)

    def carry_out() -> str:
        identity.ungrant(page.world, page.actor, grant)
        return f"{home_of(page, owner)}?done=ungranted"

    try:
        return page.once(form_key, f"ungrant/{grant}", carry_out)
    except RackrateError as refused:
        return customer_page(page, owner, refused)


def home_of(page: Page, customer: CustomerId) -> str:
    return "/projects" if page.organisation.customer == customer else f"/customers/{customer}"
