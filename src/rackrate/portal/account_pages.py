"""Tokens, a project's SSH keys, the audit log, and jumping to anything by its name."""

from typing import Annotated, Any

from fastapi import APIRouter, Form
from fastapi.responses import Response

from rackrate.app import billing, customers, fleet, identity, keys, leasing, sales
from rackrate.core.access import Verb
from rackrate.core.errors import Invalid, RackrateError
from rackrate.core.ids import CustomerId, PrincipalId, ProjectId
from rackrate.portal.acts import VERB_NAMES
from rackrate.portal.errors import refusal, status_of
from rackrate.portal.page import Page, Posted, Same, Visited

router = APIRouter()
A_PAGE = 50


@router.get("/tokens")
def tokens(page: Visited) -> Response:
    return _tokens_page(page, None, "")


def _tokens_page(page: Page, refused: RackrateError | None, secret: str) -> Response:
    found = sorted(
        identity.list_tokens(page.world, page.actor), key=lambda token: token.created, reverse=True
    )
    values: dict[str, Any] = {
        "tokens": found,
        "secret": secret,
        "projects": customers.list_projects(page.world, page.actor, page.organisation.customer),
        "form_key": page.form_key(),
        "refusal": None if refused is None else refusal(page, refused),
    }
    status = 200 if refused is None else status_of(refused)
    return page.show("tokens.html", Same("rackrate token list", "GET /v1/tokens"), status, **values)


@router.post("/tokens")
def new_token(
    page: Posted, name: Annotated[str, Form()] = "", days: Annotated[str, Form()] = ""
) -> Response:
    """The secret is on this page only: it is in no redirect, and kept nowhere."""
    try:
        if days and not (days.isascii() and days.isdigit()):
            raise Invalid("days", f"{days!r} is not a number of days")
        made = identity.create_token(
            page.world, page.actor, name.strip(), int(days) if days else None
        )
    except RackrateError as refused:
        return _tokens_page(page, refused, "")
    return _tokens_page(page, None, made.secret)


@router.post("/tokens/{id}/revoke")
def revoke(page: Posted, id: str, form_key: Annotated[str, Form()] = "") -> Response:
    def carry_out() -> str:
        identity.revoke_token(page.world, page.actor, id)
        return "/tokens?done=revoked"

    try:
        return page.once(form_key, f"token/{id}/revoke", carry_out)
    except RackrateError as refused:
        return _tokens_page(page, refused, "")


@router.get("/projects/{id}")
def project(page: Visited, id: str) -> Response:
    return _project_page(page, ProjectId(id), None)


def _project_page(page: Page, id: ProjectId, refused: RackrateError | None) -> Response:
    found = customers.show_project(page.world, page.actor, id)
    values: dict[str, Any] = {
        "project": found,
        "keys": keys.list_keys(page.world, page.actor, id),
        "may_write": page.may(Verb.KEY_WRITE),
        "form_key": page.form_key(),
        "refusal": None if refused is None else refusal(page, refused),
    }
    status = 200 if refused is None else status_of(refused)
    same = Same(f"rackrate key list --project {id}", f"GET /v1/projects/{id}/keys")
    return page.show("project.html", same, status, **values)


@router.post("/projects/{id}/keys")
def new_key(
    page: Posted,
    id: str,
    public_key: Annotated[str, Form()] = "",
    name: Annotated[str, Form()] = "",
    form_key: Annotated[str, Form()] = "",
) -> Response:
    def carry_out() -> str:
        keys.add_key(page.world, page.actor, ProjectId(id), public_key, name.strip())
        return f"/projects/{id}?done=key-added"

    try:
        return page.once(form_key, f"key/{id}/{public_key}/{name}", carry_out)
    except RackrateError as refused:
        return _project_page(page, ProjectId(id), refused)


@router.post("/projects/{id}/keys/remove")
def remove_key(
    page: Posted, id: str, key: Annotated[str, Form()] = "", form_key: Annotated[str, Form()] = ""
) -> Response:
    def carry_out() -> str:
        keys.remove_key(page.world, page.actor, key)
        return f"/projects/{id}?done=key-removed"

    try:
        return page.once(form_key, f"key/{key}/remove", carry_out)
    except RackrateError as refused:
        return _project_page(page, ProjectId(id), refused)


@router.get("/audit")
def audit(
    page: Visited, verb: str = "", principal: str = "", customer: str = "", after: str = ""
) -> Response:
    """Who did what, and what came of it; refusals too."""
    wanted = customers.AuditFilter(
        PrincipalId(principal) if principal else None,
        CustomerId(customer) if customer else None,
        Verb(verb) if verb in frozenset(Verb) else None,
    )
    found = customers.list_audit(page.world, page.actor, wanted, after, A_PAGE + 1)
    shown = found[:A_PAGE]
    asked = {"principal": principal, "customer": customer, "verb": verb}
    given = [(name, value) for name, value in asked.items() if value]
    cli = "rackrate audit list" + "".join(f" --{name} {value}" for name, value in given)
    api = "GET /v1/audit" + ("?" if given else "") + "&".join(f"{n}={v}" for n, v in given)
    values = {
        "rows": shown,
        "following": shown[-1].id if len(found) > A_PAGE else "",
        "verbs": VERB_NAMES,
        "verb": verb,
        "principal": principal,
        "customer": customer,
        "after": after,
    }
    return page.show("audit.html", Same(cli, api), **values)


@router.get("/jump")
def jump(page: Visited, q: str = "") -> Response:
    """To whatever has this name; or say that nothing has."""
    wanted = q.strip()
    address = _address_of(page, wanted) if wanted else ""
    if address:
        return page.go(address)
    return page.show("jump.html", None, 404 if wanted else 200, wanted=wanted)


def _address_of(page: Page, wanted: str) -> str:
    """Looks through what the visitor can list, so that a name of somebody else is just no name."""
    world, actor, mine = page.world, page.actor, page.organisation.customer
    known: dict[str, str] = {}
    for project in customers.list_projects(world, actor, mine):
        known[project.id] = f"/projects/{project.id}"
    if page.may(Verb.CONTRACT_READ):
        known |= {one.id: f"/contracts/{one.id}" for one in sales.find(world, actor, mine)}
    if page.may(Verb.INVOICE_READ):
        known |= {one.id: f"/invoices/{one.id}" for one in billing.find(world, actor, mine)}
    if mine is None:
        known |= {one.id: f"/customers/{one.id}" for one in customers.list_customers(world, actor)}
        for site in fleet.list_sites(world, actor):
            found = fleet.site_map(world, actor, site.id)
            known |= {node.id: f"/nodes/{node.id}" for node in found.nodes}
    if page.may(Verb.LEASE_READ):
        for one in reversed(leasing.find(world, actor, leasing.Filter(), limit=1000)):
            known[one.id] = f"/leases/{one.id}"
            if one.terms.name:
                known.setdefault(one.terms.name, f"/leases/{one.id}")
    folded = {name.casefold(): address for name, address in known.items()}
    return folded.get(wanted.casefold(), "")
