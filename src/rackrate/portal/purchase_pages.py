"""Purchase orders: what is on its way, for whom, and which promises a late truck breaks."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form
from fastapi.responses import Response

from rackrate.app import breaches, procurement
from rackrate.app.procurement import BatchView, Changed, OrderView, Part
from rackrate.core.access import Verb
from rackrate.core.errors import Invalid, RackrateError
from rackrate.core.ids import PurchaseId
from rackrate.core.inventory import NodeState
from rackrate.core.purchase import ARRIVAL, Terms
from rackrate.portal import typed
from rackrate.portal.broken_view import rows_of, told_of
from rackrate.portal.errors import refusal, status_of
from rackrate.portal.fleet_view import NODE_STATES
from rackrate.portal.messages import msg
from rackrate.portal.page import Page, Posted, Same, Visited

router = APIRouter()
A_PAGE = 100
TERMS: Mapping[Terms, str] = {
    Terms.PURCHASE: msg("Bought"),
    Terms.LEASE_IN: msg("Leased in, and resold"),
}
LATE = ("bad", msg("Late"))
CANCELLED = ("", msg("Cancelled"))
HERE = ("ok", msg("All here"))


@router.get("/purchase-orders")
def purchase_orders(page: Visited, after: str = "") -> Response:
    """Orders with the day that their next batch is expected, and every broken promise."""
    found = procurement.find(page.world, page.actor, None, after, A_PAGE + 1)
    shown = found[:A_PAGE]
    values = {
        "rows": [(view, _next_day(view), _state(view)) for view in shown],
        "following": shown[-1].order.id if len(found) > A_PAGE else "",
        "broken": rows_of(page, breaches.show(page.world, page.actor)),
    }
    same = Same("rackrate purchase list", "GET /v1/purchase-orders")
    return page.show("purchase_orders.html", same, **values)


def _next_day(view: OrderView) -> datetime | None:
    days = [batch.batch.expected for batch in view.batches if batch.arriving]
    return min(days, default=None)


def _state(view: OrderView) -> tuple[str, str]:
    coming = [batch for batch in view.batches if batch.arriving]
    if not coming:
        return HERE
    return LATE if view.late else _furthest(coming[0])


def _furthest(batch: BatchView) -> tuple[str, str]:
    """A batch is as far as the last of its nodes."""
    if batch.batch.cancelled:
        return CANCELLED
    if batch.late:
        return LATE
    known = [state for state in (*ARRIVAL, *NodeState) if state in batch.states]
    return NODE_STATES[known[0]] if known else HERE


@router.get("/purchase-orders/{id}")
def purchase_order(
    page: Visited, id: str, batch: str = "", to: str = "", act: str = "slip"
) -> Response:
    """One order. With a batch and a day it also says what that slip would break."""
    return _order_page(page, PurchaseId(id), batch, to, act, None)


def _order_page(
    page: Page, id: PurchaseId, batch: str, to: str, act: str, refused: RackrateError | None
) -> Response:
    view = procurement.show(page.world, page.actor, id)
    asked: Changed | None = None
    if refused is None and batch:
        try:
            asked = _asked(page, id, typed.whole("batch", batch), to, act)
        except RackrateError as error:
            refused = error
    values = {
        "view": view,
        "terms": TERMS[view.order.terms],
        "batches": [(each, _furthest(each)) for each in view.batches],
        "coming": [each for each in view.batches if each.arriving],
        "steps": [(state, NODE_STATES[state][1]) for state in ARRIVAL[1:]],
        "may_write": page.may(Verb.FLEET_WRITE),
        "asked": None if asked is None else told_of(page, asked.told),
        "batch": batch,
        "to": to,
        "act": act,
        "form_key": page.form_key(),
        "broken": _of_order(page, view),
        "refusal": None if refused is None else refusal(page, refused),
    }
    status = 200 if refused is None else status_of(refused)
    cli = (
        f"rackrate purchase slip {id} {batch} --to {to}"
        if asked
        else f"rackrate purchase show {id}"
    )
    return page.show(
        "purchase_order.html", Same(cli, f"GET /v1/purchase-orders/{id}"), status, **values
    )


def _asked(page: Page, id: PurchaseId, batch: int, to: str, act: str) -> Changed:
    if act == "cancel":
        return procurement.cancel(page.world, page.actor, id, batch, dry_run=True)
    day = typed.day("to", to, page.organisation.time_zone)
    return procurement.slip(page.world, page.actor, id, batch, day, dry_run=True)


def _of_order(page: Page, view: OrderView) -> list[dict[str, Any]]:
    """Broken promises of the pool that the order is for."""
    found = breaches.show(page.world, page.actor, view.order.site)
    return rows_of(page, [each for each in found if each.short.reservation.pool == view.order.pool])


@router.post("/purchase-orders/{id}/advance")
def advance(
    page: Posted,
    id: str,
    batch: Annotated[str, Form()] = "",
    to: Annotated[str, Form()] = "",
    count: Annotated[str, Form()] = "",
    form_key: Annotated[str, Form()] = "",
) -> Response:
    def act() -> None:
        if to not in frozenset(NodeState):
            raise Invalid("to", f"{to!r} is no state of a node")
        nodes = typed.whole("count", count) if count else None
        part = Part(typed.whole("batch", batch), nodes)
        procurement.advance(page.world, page.actor, PurchaseId(id), part, NodeState(to))

    return _done(page, id, form_key, f"advance/{batch}/{to}/{count}", "advanced", act)


@router.post("/purchase-orders/{id}/slip")
def slip(
    page: Posted,
    id: str,
    batch: Annotated[str, Form()] = "",
    to: Annotated[str, Form()] = "",
    form_key: Annotated[str, Form()] = "",
) -> Response:
    def act() -> None:
        day = typed.day("to", to, page.organisation.time_zone)
        procurement.slip(page.world, page.actor, PurchaseId(id), typed.whole("batch", batch), day)

    return _done(page, id, form_key, f"slip/{batch}/{to}", "slipped", act)


@router.post("/purchase-orders/{id}/cancel")
def cancel(
    page: Posted,
    id: str,
    batch: Annotated[str, Form()] = "",
    force: Annotated[str, Form()] = "",
    form_key: Annotated[str, Form()] = "",
) -> Response:
    def act() -> None:
        number = typed.whole("batch", batch)
        procurement.cancel(page.world, page.actor, PurchaseId(id), number, force == "yes")

    return _done(page, id, form_key, f"cancel/{batch}/{force}", "batch-cancelled", act)


def _done(page: Page, id: str, key: str, what: str, done: str, act: Callable[[], None]) -> Response:
    """Do it once, and show the order with what it did; or with why it was refused."""

    def carry_out() -> str:
        act()
        return f"/purchase-orders/{id}?done={done}"

    try:
        return page.once(key, f"purchase-orders/{id}/{what}", carry_out)
    except RackrateError as refused:
        return _order_page(page, PurchaseId(id), "", "", "slip", refused)
