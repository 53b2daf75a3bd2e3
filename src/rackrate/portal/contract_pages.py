"""Contracts: what is signed, delivered and paid; and the buttons that deliver, accept and amend."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form
from fastapi.responses import Response

from rackrate.app import (
    amending,
    catalogue,
    coursing,
    customers,
    delivery,
    leasing,
    renewing,
    sales,
    shortfalls,
    tallies,
)
from rackrate.core.access import Verb
from rackrate.core.contract import (
    Acceptance,
    AmendmentKind,
    Commitment,
    Contract,
    Delivery,
    Every,
    InvoicedIn,
    Prepaid,
    RenewalState,
    damages_of,
    days_late_of,
)
from rackrate.core.errors import Invalid, RackrateError
from rackrate.core.ids import ContractId, NodeId, SkuId
from rackrate.core.interval import Interval
from rackrate.core.money import Money
from rackrate.exports import csv_table
from rackrate.portal import contract_view, typed
from rackrate.portal.errors import refusal, status_of
from rackrate.portal.fleet_view import NODE_STATES
from rackrate.portal.messages import msg
from rackrate.portal.page import Page, Posted, Same, Visited

router = APIRouter()
ACCEPTANCE: Mapping[Acceptance, str] = {
    Acceptance.NONE: msg("none: billing begins with the term"),
    Acceptance.HEALTH: msg("by health evidence"),
    Acceptance.CUSTOMER: msg("by the customer"),
}
PAYMENT: Mapping[tuple[Every, InvoicedIn], str] = {
    (Every.MONTH, InvoicedIn.ADVANCE): msg("every month, in advance"),
    (Every.MONTH, InvoicedIn.ARREARS): msg("every month, in arrears"),
    (Every.QUARTER, InvoicedIn.ADVANCE): msg("every quarter, in advance"),
    (Every.QUARTER, InvoicedIn.ARREARS): msg("every quarter, in arrears"),
}
PREPAID: Mapping[Prepaid, str] = {
    Prepaid.EVENLY: msg("a share of each month"),
    Prepaid.FIRST: msg("the first months"),
    Prepaid.LAST: msg("the last months"),
    Prepaid.WALLET: msg("a balance for use"),
}
RIGHT_STATES: Mapping[RenewalState, str] = {
    RenewalState.HELD: msg("held on the calendar"),
    RenewalState.IF_FREE: msg("not held: what is free when it is used"),
    RenewalState.USED: msg("used"),
    RenewalState.LAPSED: msg("lapsed"),
    RenewalState.VOID: msg("over with the contract"),
}
USABLE = (RenewalState.HELD, RenewalState.IF_FREE)


@router.get("/contracts")
def contracts(page: Visited) -> Response:
    """Signed capacity, with what is paid next."""
    found = sales.find(page.world, page.actor, page.organisation.customer)
    names = {one.id: one.name for one in customers.list_customers(page.world, page.actor)}
    plans = [sales.show(page.world, page.actor, contract.id) for contract in found]
    rows = [
        {
            "contract": contract,
            "plan": plan,
            "who": names.get(contract.customer, contract.customer),
            "monthly": contract.monthly_at(
                max(page.now, contract.during.start), page.organisation.time_zone
            ),
            "state": _state(page, contract),
        }
        for contract, plan in plans
    ]
    same = Same("rackrate contract list", "GET /v1/contracts")
    return page.show("contracts.html", same, rows=rows)


def _state(page: Page, contract: Contract) -> tuple[str, str]:
    if contract.over <= page.now:
        return "", msg("Over")
    running = contract.during.start <= page.now
    return ("ok", msg("Running")) if running else ("wait", msg("To come"))


@router.get("/contracts/{id}")
def contract(page: Visited, id: str) -> Response:
    """One contract: its schedule as bars and as a table that adds up to the cent."""
    return _contract_page(page, ContractId(id), None)


@router.get("/contracts/{id}/schedule.csv")
def schedule(page: Visited, id: str) -> Response:
    months = coursing.course_of(page.world, page.actor, ContractId(id))
    table = csv_table.write(contract_view.COLUMNS, contract_view.rows_of(months))
    return page.file(f"{id}-schedule.csv", csv_table.MEDIA, table)


def _contract_page(page: Page, id: ContractId, refused: RackrateError | None) -> Response:
    found, plan = sales.show(page.world, page.actor, id)
    names = {one.id: one.name for one in customers.list_customers(page.world, page.actor)}
    live = leasing.find(page.world, page.actor, leasing.Filter(found.customer, live=True))
    mine = [lease for lease in live if lease.terms.contract == found.id]
    moment = max(page.now, found.during.start)
    values = {
        "contract": found,
        "numbers": tallies.of_contract(page.world, page.actor, found.id),
        "plan": plan,
        "who": names.get(found.customer, found.customer),
        "state": _state(page, found),
        "leases": mine,
        "reserved": found.nodes_at(moment),
        "monthly": found.monthly_at(moment, page.organisation.time_zone),
        **contract_view.values_of(page, coursing.course_of(page.world, page.actor, id)),
        "commitments": [(each, _commitment_state(page, each)) for each in found.commitments],
        "deliveries": _deliveries(page, found),
        "failed": _failed(page, found),
        "node_states": NODE_STATES,
        "use": shortfalls.show(page.world, page.actor, id),
        "acceptance": ACCEPTANCE,
        "payment": PAYMENT,
        "prepaid": PREPAID,
        "plain": _plain,
        "refusal": None if refused is None else refusal(page, refused),
        **_may(page, found),
    }
    same = Same(f"rackrate contract show {id}", f"GET /v1/contracts/{id}")
    status = 200 if refused is None else status_of(refused)
    return page.show("contract.html", same, status, **values)


def _plain(percent: Decimal) -> str:
    """Without an exponent, and without zeros that say nothing."""
    return f"{percent.normalize():f}"


def _may(page: Page, contract: Contract) -> dict[str, Any]:
    """Which changes the terms and the visitor's role leave open now, and what is held for one."""
    writes = page.may(Verb.CONTRACT_WRITE) and page.now < contract.over and not contract.ended
    right = sales.right_to_renew(page.world, page.actor, contract.id)
    skus = catalogue.list_skus(page.world, page.actor) if writes else []
    return {
        "may_amend": writes,
        "may_renew": writes and right is not None and right.state in USABLE,
        "may_be_renewed": right is not None and right.state in USABLE,
        "right": right,
        "right_states": RIGHT_STATES,
        "right_held": [] if right is None else _spans(right),
        "skus": [sku for sku in skus if sku.whole_node],
        "lasting": [each for each in contract.commitments if each.monthly and _goes_on(page, each)],
        "form_key": page.form_key(),
    }


def _spans(right: renewing.Right) -> list[tuple[Interval, int]]:
    """What is held for it, by when it would be used."""
    spans: dict[Interval, int] = {}
    for row in right.held:
        spans[row.during] = spans.get(row.during, 0) + row.nodes
    return sorted(spans.items())


def _goes_on(page: Page, commitment: Commitment) -> bool:
    return commitment.lasts is not None and page.now < commitment.lasts.end


def _commitment_state(page: Page, commitment: Commitment) -> tuple[str, str]:
    lasts = commitment.lasts
    if lasts is None:
        return "", msg("Called off")
    if lasts.contains(page.now):
        return "ok", msg("Running")
    return ("wait", msg("To come")) if page.now < lasts.start else ("", msg("Over"))


def _deliveries(page: Page, contract: Contract) -> list[dict[str, Any]]:
    accepts = page.may(Verb.DELIVERY_ACCEPT)
    hands_over = page.may(Verb.FLEET_WRITE)
    return [
        {
            "batch": each,
            "place": f"{each.commitment}/{each.number}",
            "state": _delivery_state(page, contract, each),
            "late": days_late_of(contract, each, page.now),
            "damages": damages_of(contract, each, page.now),
            "may_deliver": hands_over
            and each.delivered is None
            and each.due - delivery.NAMED_AHEAD <= page.now,
            "may_accept": accepts and each.awaiting,
        }
        for each in sales.deliveries(page.world, page.actor, contract.id)
    ]


def _failed(page: Page, contract: Contract) -> list[delivery.Failed]:
    """Named nodes that are out of service, for those who may name others in their place."""
    if not page.may(Verb.FLEET_WRITE) or contract.over <= page.now:
        return []
    return delivery.failed(page.world, page.actor, contract.id)


def _delivery_state(page: Page, contract: Contract, batch: Delivery) -> tuple[str, str]:
    if batch.accepted is not None:
        return "ok", msg("Accepted")
    if batch.delivered is not None:
        return "wait", msg("Delivered, waits for acceptance")
    if page.now <= batch.due:
        return "wait", msg("To come")
    # Where nothing depends on the handing over, the nodes are the customer's with the term.
    late = days_late_of(contract, batch, page.now)
    return ("bad", msg("Late")) if late else ("ok", msg("Running"))


# -- what is done to it -------------------------------------------------------------------------


class Filled:
    """A form of one change, read field by field; Invalid names the field that is wrong."""

    def __init__(
        self,
        kind: Annotated[str, Form()] = "",
        commitment: Annotated[str, Form()] = "",
        sku: Annotated[str, Form()] = "",
        nodes: Annotated[str, Form()] = "",
        start: Annotated[str, Form()] = "",
        until: Annotated[str, Form()] = "",
        monthly: Annotated[str, Form()] = "",
        note: Annotated[str, Form()] = "",
    ) -> None:
        self.kind, self.sku, self.note = kind, SkuId(sku), note.strip()
        self._commitment, self._nodes = commitment, nodes
        self._start, self._until, self._monthly = start, until, monthly

    @property
    def text(self) -> str:
        """Everything that was filled in, to tell one form from another."""
        return "/".join(str(value) for value in vars(self).values())

    @property
    def commitment(self) -> int:
        return typed.whole("commitment", self._commitment)

    @property
    def nodes(self) -> int:
        return typed.whole("nodes", self._nodes)

    def start(self, time_zone: str) -> datetime:
        return typed.instant("start", self._start, time_zone)

    def until(self, time_zone: str) -> datetime:
        return typed.instant("until", self._until, time_zone)

    def monthly(self, currency: str) -> Money:
        return typed.money("monthly", self._monthly, currency)

    @property
    def priced(self) -> bool:
        return bool(self._monthly.strip())


InForm = Annotated[Filled, Depends(Filled)]


@router.post("/contracts/{id}/amend")
def amend(page: Posted, id: str, filled: InForm, form_key: Annotated[str, Form()] = "") -> Response:
    """Agree one change; or the page again, with why not and what would do."""

    def carry_out() -> str:
        found, _ = sales.show(page.world, page.actor, ContractId(id))
        buyer = customers.show_customer(page.world, page.actor, found.customer)
        change = _change(filled, found, buyer.time_zone)
        amending.amend(page.world, page.actor, found.id, change, filled.note)
        return f"/contracts/{id}?done=amended"

    try:
        return page.once(form_key, f"amend/{id}/{filled.text}", carry_out)
    except RackrateError as refused:
        return _contract_page(page, ContractId(id), refused)


@router.post("/contracts/{id}/deliveries")
def deliver(
    page: Posted,
    id: str,
    place: Annotated[str, Form()] = "",
    act: Annotated[str, Form()] = "",
    form_key: Annotated[str, Form()] = "",
) -> Response:
    """Hand over a batch, or accept it."""

    def carry_out() -> str:
        commitment, _, number = place.partition("/")
        batch = typed.whole("commitment", commitment), typed.whole("number", number)
        do = delivery.deliver if act == "deliver" else delivery.accept
        do(page.world, page.actor, ContractId(id), *batch)
        return f"/contracts/{id}?done={'delivered' if act == 'deliver' else 'accepted'}"

    try:
        return page.once(form_key, f"delivery/{id}/{place}/{act}", carry_out)
    except RackrateError as refused:
        return _contract_page(page, ContractId(id), refused)


@router.post("/contracts/{id}/replace")
def replace(
    page: Posted,
    id: str,
    node: Annotated[str, Form()] = "",
    by: Annotated[str, Form()] = "",
    form_key: Annotated[str, Form()] = "",
) -> Response:
    """Name a healthy node in the place of one that failed; without `by`, the first that is free."""

    def carry_out() -> str:
        other = NodeId(by) if by else None
        delivery.replace_node(page.world, page.actor, ContractId(id), NodeId(node), other)
        return f"/contracts/{id}?done=replaced"

    try:
        return page.once(form_key, f"replace/{id}/{node}/{by}", carry_out)
    except RackrateError as refused:
        return _contract_page(page, ContractId(id), refused)


def _change(filled: Filled, contract: Contract, time_zone: str) -> amending.Change:
    """What the form asks for."""
    currency = contract.currency
    match filled.kind:
        case AmendmentKind.MORE:
            during = _during(filled.start(time_zone), filled.until(time_zone))
            monthly = filled.monthly(currency)
            wanted = sales.capacity(1, filled.sku, filled.nodes, during, monthly)
            return amending.More((wanted,))
        case AmendmentKind.FEWER:
            return amending.Fewer(filled.commitment, filled.nodes, filled.start(time_zone))
        case AmendmentKind.EXTEND:
            amount = filled.monthly(currency) if filled.priced else None
            return amending.Extend(filled.commitment, filled.until(time_zone), amount)
        case AmendmentKind.SWAP:
            amount, start = filled.monthly(currency), filled.start(time_zone)
            return amending.Swap(filled.commitment, filled.sku, amount, start, filled.nodes)
        case AmendmentKind.RENEW:
            return amending.Renew()
        case AmendmentKind.END:
            return amending.End(filled.start(time_zone))
    raise Invalid("kind", f"{filled.kind!r} is no kind of amendment")


def _during(start: datetime, until: datetime) -> Interval:
    if until <= start:
        raise Invalid("until", "must be after the first day")
    return Interval(start, until)
