"""The first page: the operator's overview, or a customer's home."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from rackrate.app import billing, books, budgets, catalogue, customers, fleet, leasing, sales
from rackrate.core.access import Verb
from rackrate.core.budget import Budget
from rackrate.core.contract import Contract, Schedule
from rackrate.core.ids import ChipId
from rackrate.core.interval import Month
from rackrate.core.invoice import Invoice
from rackrate.core.lease import Lease, Phase
from rackrate.core.ledger import Account
from rackrate.core.money import Money, total
from rackrate.portal import fleet_view
from rackrate.portal.lease_pages import mark_of, month_costs, table
from rackrate.portal.messages import msg
from rackrate.portal.page import Page, Same, Visited
from rackrate.portal.start_pages import Wish, choices

router = APIRouter()
SHOWN = 8
MONTHS = 6


@router.get("/")
def first(page: Visited) -> Response:
    return _overview(page) if page.organisation.customer is None else _home(page)


def _overview(page: Page) -> Response:
    """Is anything wrong, are we sold, what do we earn?"""
    maps = [
        fleet.site_map(page.world, page.actor, site.id)
        for site in fleet.list_sites(page.world, page.actor)
    ]
    slots = b"".join(found.slots for found in maps)
    leases = leasing.find(page.world, page.actor, leasing.Filter(live=True))
    invoices = _open_invoices(page)
    values: dict[str, Any] = {
        "slots": len(slots),
        "sold": fleet_view.sold_of(slots),
        "free": slots.count(fleet.SlotClass.FREE),
        "whole": fleet_view.whole_free(maps),
        "counts": fleet_view.counts_of(slots),
        "blocks": [view for found in maps for view in fleet_view.blocks_of(found)],
        "nodes": sum(len(found.nodes) for found in maps),
        "all_gpus": _all_gpus(page, {node.chip for found in maps for node in found.nodes}),
        "running": sum(lease.phase == Phase.RUNNING for lease in leases),
        "live": len(leases),
        "month": _month_of_all(page),
        "backlog": _backlog(page),
        "open_invoices": invoices,
        "owed": _sum([invoice.open for invoice in invoices], page.organisation.currency),
        "todo": _todo(page, maps, leases, invoices),
        "revenue": _revenue(page),
        "this_month": Month.of(page.now, page.organisation.time_zone),
    }
    values.update(table(page, leases[:SHOWN]))
    values.update(shown="live", customer="", project="", after="", most=SHOWN)
    values["mark"] = mark_of(leases[:SHOWN])
    return page.show("overview.html", Same("rackrate site list", "GET /v1/sites"), **values)


def _all_gpus(page: Page, chips: set[ChipId]) -> bool:
    """Whether every slot of these chips is one of an accelerator: else they are called slots."""
    known = catalogue.list_chips(page.world, page.actor)
    return all(chip.accelerator for chip in known if chip.id in chips)


def _chips(page: Page, leases: Sequence[Lease]) -> set[ChipId]:
    wanted = {lease.terms.sku for lease in leases}
    skus = catalogue.list_skus(page.world, page.actor)
    return {sku.chip for sku in skus if sku.id in wanted}


def _open_invoices(page: Page) -> list[Invoice]:
    if not page.may(Verb.INVOICE_READ):
        return []
    return [one for one in billing.find(page.world, page.actor) if one.open.minor > 0]


def _sum(amounts: Sequence[Money], currency: str) -> Money:
    """Of one currency: amounts in others are left to the pages that list them."""
    return total((money for money in amounts if money.currency == currency), currency)


def _month_of_all(page: Page) -> Money | None:
    """What closing this month now would invoice, over all customers, before tax."""
    if not page.may(Verb.INVOICE_READ):
        return None
    month = Month.of(page.now, page.organisation.time_zone)
    previews = [
        billing.preview(page.world, page.actor, customer.id, month)
        for customer in customers.list_customers(page.world, page.actor)
    ]
    return _sum([one.totals.net for one in previews], page.organisation.currency)


def _signed(page: Page) -> list[tuple[Contract, Schedule]]:
    if not page.may(Verb.CONTRACT_READ):
        return []
    found = sales.find(page.world, page.actor, page.organisation.customer)
    return [sales.show(page.world, page.actor, contract.id) for contract in found]


def _backlog(page: Page) -> tuple[Money, int]:
    """The value of whole months that are signed and still to come, and of how many contracts."""
    this = Month.of(page.now, page.organisation.time_zone)
    to_come = [
        (contract.id, part.value)
        for contract, plan in _signed(page)
        for part in plan.instalments
        if part.month > this
    ]
    amounts = [value for _, value in to_come]
    return _sum(amounts, page.organisation.currency), len({id for id, _ in to_come})


def _todo(
    page: Page,
    maps: Sequence[fleet.SiteMap],
    leases: Sequence[Any],
    invoices: Sequence[Invoice],
) -> list[dict[str, Any]]:
    """What waits for a person, worst first."""
    names = {one.id: one.name for one in customers.list_customers(page.world, page.actor)}
    todo: list[dict[str, Any]] = []
    for invoice in invoices:
        if invoice.due < page.now:
            days = (page.now - invoice.due).days
            todo.append(
                {
                    "kind": "overdue",
                    "invoice": invoice,
                    "who": names.get(invoice.customer, invoice.customer),
                    "days": days,
                }
            )
    todo += [
        {"kind": "interrupted", "lease": lease}
        for lease in leases
        if lease.phase == Phase.INTERRUPTED
    ]
    for found in maps:
        for node in found.nodes:
            if fleet_view.NODE_STATES[node.state][0] in ("warn", "bad"):
                todo.append({"kind": "node", "node": node})
    month = Month.of(page.now, page.organisation.time_zone).plus(-1)
    if page.may(Verb.INVOICE_WRITE) and _unclosed(page, month):
        todo.append({"kind": "close", "month": month})
    return todo


def _unclosed(page: Page, month: Month) -> bool:
    """Whether last month has something to bill and no invoice of its own yet."""
    found = billing.find(page.world, page.actor, limit=200)
    if any(one.cause.startswith(f"month/{month}/") for one in found):
        return False
    return any(
        billing.preview(page.world, page.actor, customer.id, month).lines
        for customer in customers.list_customers(page.world, page.actor)
    )


def _revenue(page: Page) -> dict[str, Any] | None:
    """What was earned in each of the last months, as it is posted."""
    if not page.may(Verb.LEDGER_READ):
        return None
    this = Month.of(page.now, page.organisation.time_zone)
    months = [this.plus(-back) for back in range(MONTHS - 1, -1, -1)]
    sums = {
        account: dict.fromkeys(months, 0)
        for account in (Account.CONTRACT_REVENUE, Account.USAGE_REVENUE)
    }
    for entity in books.entities(page.world, page.actor):
        for entry in books.journal(page.world, page.actor, entity.id):
            month = Month.of(entry.at, entity.time_zone)
            for posting in entry.postings:
                same = posting.book.currency == page.organisation.currency
                if posting.account in sums and month in sums[posting.account] and same:
                    sums[posting.account][month] -= posting.book.minor
    rows = [
        {
            "month": str(month),
            "contract": Money(sums[Account.CONTRACT_REVENUE][month], page.organisation.currency),
            "usage": Money(sums[Account.USAGE_REVENUE][month], page.organisation.currency),
        }
        for month in months
    ]
    earned = any(row["contract"] or row["usage"] for row in rows)
    return {"rows": rows, "chart": _revenue_chart(page, rows)} if earned else None


def _revenue_chart(page: Page, rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "kind": "stack",
        "label": page.say(msg("Revenue by month, as posted; the table says the same")),
        "categories": [row["month"] for row in rows],
        "series": [
            {
                "name": page.say(msg("Contract")),
                "fill": "contract",
                "data": [float(row["contract"].amount) for row in rows],
            },
            {
                "name": page.say(msg("On demand")),
                "fill": "on-demand",
                "data": [float(row["usage"].amount) for row in rows],
            },
        ],
    }


def _home(page: Page) -> Response:
    """What is running, what does it cost, and how do I get more?"""
    leases = leasing.find(page.world, page.actor, leasing.Filter(live=True))
    running = [lease for lease in leases if lease.phase == Phase.RUNNING]
    month = Month.of(page.now, page.organisation.time_zone)
    costs = month_costs(page)
    invoices = _open_invoices(page)
    values: dict[str, Any] = {
        "running": running,
        "all_gpus": _all_gpus(page, _chips(page, running)),
        "gpus": sum(lease.terms.slots * lease.terms.nodes for lease in running),
        "month": month,
        "cost": _sum(list(costs.values()), page.organisation.currency) if costs else None,
        "spend": _spend(costs),
        "contracts": [_next_instalment(c, plan, page.now, month) for c, plan in _signed(page)],
        "open_invoices": invoices,
        "owed": _sum([invoice.open for invoice in invoices], page.organisation.currency),
        "budgets": _budgets(page),
        "happened": _happened(page),
    }
    values.update(table(page, leases[:50]))
    values.update(shown="live", customer="", project="", after="", most=50)
    values["mark"] = mark_of(leases[:50])
    values.update(choices(page, Wish()))
    return page.show(
        "home.html", Same("rackrate lease list --live", "GET /v1/leases?live=true"), **values
    )


def _budgets(page: Page) -> list[Budget]:
    """The fullest first, as they were a few minutes ago."""
    if not page.may(Verb.INVOICE_READ):
        return []
    found = budgets.find(page.world, page.actor, page.organisation.customer)
    return sorted(found, key=lambda one: (-one.percent, one.id))


def _spend(costs: dict[str, Money]) -> list[tuple[str, Money, int]]:
    """The dearest leases of the month, with their share in thousandths."""
    whole = sum(money.minor for money in costs.values()) or 1
    order = sorted(costs.items(), key=lambda item: (-item[1].minor, item[0]))
    return [(id, money, 1000 * money.minor // whole) for id, money in order[:6]]


def _next_instalment(
    contract: Contract, plan: Schedule, now: datetime, month: Month
) -> dict[str, Any]:
    """What of it is invoiced next, after this month's."""
    nodes, coming = contract.nodes_at(max(now, contract.during.start)), plan.next_invoiced(month)
    return {"contract": contract, "plan": plan, "next": coming, "nodes": nodes}


def _happened(page: Page) -> list[Any]:
    if not page.may(Verb.AUDIT_READ):
        return []
    return customers.list_audit(page.world, page.actor, limit=6)
