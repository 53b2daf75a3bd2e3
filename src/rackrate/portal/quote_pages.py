"""Quotes: a form that answers as it is filled in, one button that holds, and what follows."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response

from rackrate.app import catalogue, customers, quotes
from rackrate.core.access import Verb
from rackrate.core.alternatives import Way
from rackrate.core.contract import Schedule
from rackrate.core.errors import Invalid, Missing, RackrateError
from rackrate.core.ids import QuoteId
from rackrate.core.interval import zone
from rackrate.core.money import Money
from rackrate.core.quote import LONGEST_HOLD, Quote, QuoteState
from rackrate.portal.contract_pages import ACCEPTANCE, PAYMENT, PREPAID
from rackrate.portal.errors import refusal, status_of
from rackrate.portal.matrix import matrix_of
from rackrate.portal.messages import msg
from rackrate.portal.page import Page, Posted, Same, Visited
from rackrate.portal.quote_form import (
    KINDS,
    Filled,
    InForm,
    asked_of,
    changed,
    filled_of_query,
    instead_of,
    same_of,
)

router = APIRouter()
A_PAGE = 100
STATES: Mapping[QuoteState, tuple[str, str]] = {
    QuoteState.OPEN: ("ok", msg("Open")),
    QuoteState.SIGNED: ("info", msg("Signed")),
    QuoteState.WITHDRAWN: ("", msg("Withdrawn")),
    QuoteState.EXPIRED: ("", msg("Expired")),
}
WAITS = ("warn", msg("Waits for approval"))
WAYS: Mapping[Way, str] = {
    Way.FEWER: msg("Fewer"),
    Way.LATER: msg("Later"),
    Way.BLOCKS: msg("Over several blocks"),
    Way.OTHER: msg("Another chip or site"),
}


@router.get("/quotes")
def all_quotes(page: Visited, after: str = "") -> Response:
    """The newest first, each with what can still be done."""
    mine = page.organisation.customer
    found = quotes.find(page.world, page.actor, mine, after, A_PAGE + 1)
    shown = found[:A_PAGE]
    names = {one.id: one.name for one in customers.list_customers(page.world, page.actor)}
    rows = [(quote, _state(quote, page.now), names.get(quote.customer, "")) for quote in shown]
    following = shown[-1].id if len(found) > A_PAGE else ""
    same = Same("rackrate quote list", "GET /v1/quotes")
    return page.show("quotes.html", same, rows=rows, following=following)


def _state(quote: Quote, now: datetime) -> tuple[str, str]:
    state = quote.state(now)
    waits = state is QuoteState.OPEN and quote.waits_for_approval
    return WAITS if waits else STATES[state]


@router.get("/quotes/new")
def new_quote(page: Visited, request: Request) -> Response:
    """The form, filled in by a link or by what is most likely, with its answer."""
    return _form_page(page, filled_of_query(page, request), None)


@router.post("/quotes/lines")
def lines(
    page: Posted,
    filled: InForm,
    add: Annotated[str, Form()] = "",
    remove: Annotated[str, Form()] = "",
) -> Response:
    """The form with a line more or less, or answered again: for this no script is needed."""
    return page.go(f"/quotes/new?{changed(page, filled, add, remove).query}#lines")


@router.post("/quotes/answer")
def answer(page: Posted, filled: InForm) -> Response:
    """What the form as it stands comes to: asked on every change, and nothing is held."""
    return HTMLResponse(page.render("parts/quote_answer.html", **_answered(page, filled)))


@router.post("/quotes")
def create(page: Posted, filled: InForm, form_key: Annotated[str, Form()] = "") -> Response:
    """Write quote and hold together, or say why not with the form as it was."""

    def carry_out() -> str:
        made = quotes.create(page.world, page.actor, asked_of(page, filled))
        return f"/quotes/{made.id}?done=quoted"

    try:
        return page.once(form_key, f"quote/{filled}", carry_out)
    except RackrateError as refused:
        return _form_page(page, filled, refused)


def _form_page(page: Page, filled: Filled, refused: RackrateError | None) -> Response:
    skus = [sku for sku in catalogue.list_skus(page.world, page.actor) if sku.whole_node]
    projects = customers.list_projects(page.world, page.actor, None)
    if not filled.sku and skus:
        priced = {price.sku for price in catalogue.list_contract_prices(page.world, page.actor)}
        filled = replace(filled, sku=next((s.id for s in skus if s.id in priced), skus[0].id))
    if not filled.project and projects:
        own = {
            one.id for one in customers.list_customers(page.world, page.actor) if one.of_operator
        }
        first = next((one for one in projects if one.customer not in own), projects[0])
        filled = replace(filled, project=first.id)
    values = {
        "skus": skus,
        "projects": projects,
        "form_key": page.form_key(),
        "longest": LONGEST_HOLD.days,
        "acceptance": ACCEPTANCE,
        "payment": PAYMENT,
        "prepaid": PREPAID,
        "kinds": KINDS,
        **_answered(page, filled),
    }
    status = 200
    if refused is not None:
        values["refusal"], status = refusal(page, refused), status_of(refused)
    return page.show("quote_new.html", same_of(page, filled), status, **values)


def _answered(page: Page, filled: Filled) -> dict[str, Any]:
    """What `parts/quote_answer.html` shows."""
    given, why = None, None
    try:
        given = quotes.ask(page.world, page.actor, asked_of(page, filled))
    except RackrateError as error:
        why = refusal(page, error)
    return {
        "filled": filled,
        "given": given,
        "why": why,
        "matrix": None
        if given is None or given.priced.price is None or len(given.lines) > 1
        else matrix_of(given.priced.price, given.priced.tier),
        "runs": () if given is None else runs(given.plan),
        "instead": []
        if given is None
        else [instead_of(filled, given, one) for one in given.alternatives],
        "ways": WAYS,
    }


def runs(plan: Schedule) -> list[tuple[int, Money]]:
    """Instalments of the same amount one after another, counted."""
    return [(len(list(same)), due) for due, same in groupby(part.due for part in plan.by_month)]


@router.get("/quotes/{id}")
def quote(page: Visited, id: str) -> Response:
    return _quote_page(page, QuoteId(id), None)


def _quote_page(page: Page, id: QuoteId, refused: RackrateError | None) -> Response:
    shown = quotes.show(page.world, page.actor, id)
    names = {one.id: one.name for one in customers.list_customers(page.world, page.actor)}
    found, open_now = shown.quote, shown.state is QuoteState.OPEN
    prices = catalogue.list_contract_prices(page.world, page.actor, found.sku)
    first, several = found.first, len(found.lines) > 1
    price = next((one for one in prices if one.id == first.price and not several), None)
    tier = price.cell(first.tier_months, first.tier_nodes) if price is not None else None
    longest = found.created + LONGEST_HOLD
    values = {
        "quote": found,
        "shown": shown,
        "state": _state(found, page.now),
        "who": names.get(found.customer, found.customer),
        "matrix": None if price is None else matrix_of(price, tier),
        "runs": runs(shown.plan),
        "acceptance": ACCEPTANCE,
        "payment": PAYMENT,
        "prepaid": PREPAID,
        "plain": lambda percent: f"{percent.normalize():f}",
        "held": [(shown.line_of(one), one) for one in shown.held],
        "may_sign": open_now and page.may(Verb.QUOTE_SIGN) and not found.waits_for_approval,
        "may_approve": open_now and page.may(Verb.QUOTE_APPROVE) and found.waits_for_approval
        and page.actor.principal != found.author,
        "may_write": open_now and page.may(Verb.QUOTE_WRITE),
        "longest": longest.astimezone(zone(page.organisation.time_zone)).date(),
        "form_key": page.form_key(),
        "refusal": None if refused is None else refusal(page, refused),
    }  # fmt: skip
    status = 200 if refused is None else status_of(refused)
    return page.show(
        "quote.html", Same(f"rackrate quote show {id}", f"GET /v1/quotes/{id}"), status, **values
    )


@router.post("/quotes/{id}/{act}")
def act(
    page: Posted,
    id: str,
    act: str,
    until: Annotated[str, Form()] = "",
    form_key: Annotated[str, Form()] = "",
) -> Response:
    """Sign, extend, withdraw or approve: once for each form."""
    of, world, actor = QuoteId(id), page.world, page.actor
    acts: Mapping[str, Callable[[], object]] = {
        "sign": lambda: quotes.sign(world, actor, of),
        "withdraw": lambda: quotes.withdraw(world, actor, of),
        "approve": lambda: quotes.approve(world, actor, of),
        "extend": lambda: quotes.extend(world, actor, of, _until(page, until)),
    }
    if act not in acts:
        raise Missing("page", f"/quotes/{id}/{act}")

    def carry_out() -> str:
        acts[act]()
        return f"/quotes/{id}?done=quote-{act}"

    try:
        return page.once(form_key, f"quote/{id}/{act}/{until}", carry_out)
    except Missing:
        raise
    except RackrateError as refused:
        return _quote_page(page, of, refused)


def _until(page: Page, text: str) -> datetime:
    """The end of the day that is named: the midnight after it."""
    try:
        day = date.fromisoformat(text) + timedelta(days=1)
    except (ValueError, OverflowError):
        raise Invalid("until", f"{text!r} is not a day such as 2027-03-01") from None
    return datetime.combine(day, time(), zone(page.organisation.time_zone)).astimezone(UTC)
