"""Leases: the list with live state, one lease with its whole history, and what is done to it."""

import hashlib
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, Response

from rackrate.app import billing, catalogue, customers, leasing
from rackrate.app.world import World
from rackrate.core.access import Actor, Verb
from rackrate.core.errors import Forbidden, Missing, RackrateError, Unavailable
from rackrate.core.ids import CustomerId, LeaseId, ProjectId
from rackrate.core.interval import Month
from rackrate.core.lease import Lease, Phase
from rackrate.core.money import Money, total
from rackrate.core.parties import Customer
from rackrate.portal import lease_view
from rackrate.portal.errors import refusal, status_of
from rackrate.portal.messages import msg
from rackrate.portal.page import Page, Posted, Same, Visited

router = APIRouter()
A_PAGE = 50
LOG_BYTES = 64 * 1024
TICK = 5
SHOWN = (
    ("live", msg("Live")),
    ("running", msg("Running")),
    ("stopped", msg("Stopped")),
    ("ended", msg("Ended")),
    ("all", msg("All")),
)
FILTERS: dict[str, dict[str, Any]] = {
    "live": {"live": True},
    "running": {"phase": Phase.RUNNING},
    "stopped": {"phase": Phase.STOPPED},
    "ended": {"phase": Phase.ENDED},
    "all": {},
}
ACTS: dict[str, tuple[Callable[[World, Actor, LeaseId], Lease], str]] = {
    "stop": (leasing.stop, "stopped"),
    "start": (leasing.resume, "resumed"),
    "end": (leasing.end, "ended"),
}


@router.get("/leases")
def leases(
    page: Visited,
    state: str = "live",
    customer: str = "",
    project: str = "",
    after: str = "",
    most: int = A_PAGE,
) -> Response:
    """Leases that the visitor may see, newest first."""
    shown = state if state in FILTERS else "live"
    which = leasing.Filter(
        CustomerId(customer) if customer else None,
        ProjectId(project) if project else None,
        **FILTERS[shown],
    )
    most = max(1, min(most, A_PAGE))
    found = leasing.find(page.world, page.actor, which, after, most + 1)
    values = table(page, found[:most])
    values["following"] = found[most - 1].id if len(found) > most else ""
    values.update(shown=shown, customer=customer, project=project, states=SHOWN, after=after)
    values.update(most=most, mark=mark_of(found[:most]))
    if page.part == "rows":
        if page.request.query_params.get("seen") == values["mark"]:
            return Response(status_code=204)
        return HTMLResponse(page.render("parts/lease_rows.html", **values))
    return page.show("leases.html", _same_of_list(which, shown), **values)


def _same_of_list(which: leasing.Filter, shown: str) -> Same:
    cli, api = "rackrate lease list", []
    for name in ("customer", "project"):
        value = getattr(which, name)
        if value is not None:
            cli += f" --{name} {value}"
            api.append(f"{name}={value}")
    if shown == "live":
        cli += " --live"
        api.append("live=true")
    elif shown != "all":
        cli += f" --phase {shown}"
        api.append(f"phase={shown}")
    return Same(cli, "GET /v1/leases" + ("?" + "&".join(api) if api else ""))


def mark_of(found: list[Lease]) -> str:
    """Changes when anything of these leases does."""
    text = " ".join(f"{lease.id}/{lease.seq}" for lease in found)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def table(page: Page, found: list[Lease]) -> dict[str, Any]:
    """What `parts/lease_rows.html` shows of these leases."""
    prices = catalogue.list_prices(page.world, page.actor, page.now)
    skus = {sku.id: sku for sku in catalogue.list_skus(page.world, page.actor)}
    names = {one.id: one for one in customers.list_customers(page.world, page.actor)}
    months = month_costs(page) if page.organisation.customer else {}
    rows = [
        row
        for lease in found
        for row in lease_view.rows(
            [lease], skus, prices, currency_of(page, names, lease.customer), months
        )
    ]
    return {"rows": rows, "names": names, "priced": bool(months), "gateway": gateway(page)}


def currency_of(page: Page, names: dict[CustomerId, Customer], customer: CustomerId) -> str:
    known = names.get(customer)
    return page.organisation.currency if known is None else known.currency


def month_costs(page: Page) -> dict[str, Money]:
    """What each lease of the visitor's customer has cost this month; empty if that is not told."""
    customer = page.organisation.customer
    if customer is None or not page.may(Verb.INVOICE_READ):
        return {}
    month = Month.of(page.now, page.organisation.time_zone)
    preview = billing.preview(page.world, page.actor, customer, month)
    costs: dict[str, Money] = {}
    for line in preview.lines:
        if line.lease is not None:
            owed = line.net if line.gross is None else line.gross
            costs[line.lease] = total((costs.get(line.lease, owed - owed), owed), owed.currency)
    return costs


def gateway(page: Page) -> str:
    """`ssh -p PORT {lease}@HOST`, with the lease's id left to be put in; empty: there is none."""
    options = page.portal.options
    if not options.gateway:
        return ""
    port = "" if options.gateway_port == 22 else f" -p {options.gateway_port}"
    return f"ssh{port} {{}}@{options.gateway}"


@router.get("/leases/{id}")
def lease(page: Visited, id: str) -> Response:
    return _lease_page(page, LeaseId(id), None)


def _lease_page(page: Page, id: LeaseId, refused: RackrateError | None) -> Response:
    found, events = leasing.show(page.world, page.actor, id)
    values = table(page, [found])
    row: lease_view.Row = values["rows"][0]
    book = leasing.book_of(page.world, page.actor, id)
    currency = currency_of(page, values["names"], found.customer)
    known = values["names"].get(found.customer)
    zone = page.organisation.time_zone if known is None else known.time_zone
    values.update(
        row=row,
        lease=found,
        events=list(reversed(events)),
        event_names=lease_view.EVENTS,
        timeline=lease_view.timeline(found, events, page.now),
        cost=lease_view.cost_so_far(found, events, book, page.now, (currency, zone)),
        seconds=lease_view.billed_seconds(found, events, page.now),
        currency=currency,
        isolation=_isolation(page, found),
        form_key=page.form_key(),
        may_write=page.may(Verb.LEASE_WRITE),
        may_enter=page.may(Verb.LEASE_ENTER),
        refusal=None if refused is None else refusal(page, refused),
    )
    # While it is billed its cost is shown anew every few seconds.
    values["mark"] = f"{mark_of([found])}-{values['seconds'] // TICK}"
    if page.part == "live":
        if page.request.query_params.get("seen") == values["mark"]:
            return Response(status_code=204)
        return HTMLResponse(page.render("parts/lease_live.html", **values))
    same = Same(f"rackrate lease show {id}", f"GET /v1/leases/{id}")
    status = 200 if refused is None else status_of(refused)
    return page.show("lease.html", same, status, **values)


def _isolation(page: Page, lease: Lease) -> str:
    try:
        return page.world.engine(lease.terms.site).isolation
    except Unavailable:
        return ""


@router.get("/leases/{id}/logs")
def logs(page: Visited, id: str, rank: int = 0) -> Response:
    """The end of a member's output, so far as it fits on a page."""
    found, _ = leasing.show(page.world, page.actor, LeaseId(id))
    try:
        text = _tail(page, found.id, rank)
        gone = ""
    except (Unavailable, Forbidden) as error:
        text, gone = "", error.detail
    same = Same(
        f"rackrate lease logs {id}" + (f" --rank {rank}" if rank else ""),
        f"GET /v1/leases/{id}/logs?rank={rank}",
    )
    values: dict[str, Any] = {"lease": found, "rank": rank, "text": text, "gone": gone}
    if page.part == "log":
        return HTMLResponse(page.render("parts/log.html", **values))
    return page.show("logs.html", same, **values)


def _tail(page: Page, id: LeaseId, rank: int) -> str:
    """Reads on until the end, and keeps the last of it."""
    kept, after = b"", 0
    for _ in range(64):
        more = leasing.logs(page.world, page.actor, id, rank, after, LOG_BYTES)
        kept, after = (kept + more)[-LOG_BYTES:], after + len(more)
        if len(more) < LOG_BYTES:
            break
    return kept.decode("utf-8", "replace")


@router.post("/leases/{id}/{act}")
def act(page: Posted, id: str, act: str, form_key: Annotated[str, Form()] = "") -> Response:
    """Stop, start again or end: once for each form."""
    if act not in ACTS:
        raise Missing("page", f"/leases/{id}/{act}")
    do, done = ACTS[act]

    def carry_out() -> str:
        do(page.world, page.actor, LeaseId(id))
        return f"/leases/{id}?done={done}"

    try:
        return page.once(form_key, f"lease/{id}/{act}", carry_out)
    except Missing:
        raise
    except RackrateError as refused:
        return _lease_page(page, LeaseId(id), refused)
