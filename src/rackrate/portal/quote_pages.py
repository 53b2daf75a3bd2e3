"""Quotes: a form that answers as it is filled in, one button that holds, and what follows."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from itertools import groupby
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, Response

from rackrate.app import catalogue, customers, quotes
from rackrate.app.quoting import Answer, Ask, Offered
from rackrate.core.access import Verb
from rackrate.core.alternatives import Way
from rackrate.core.contract import Acceptance, Schedule, Terms
from rackrate.core.contract_price import whole_months
from rackrate.core.errors import Invalid, Missing, RackrateError
from rackrate.core.ids import ProjectId, QuoteId, SkuId
from rackrate.core.interval import Month, zone
from rackrate.core.money import Money
from rackrate.core.quote import LONGEST_HOLD, Quote, QuoteState
from rackrate.portal.contract_pages import ACCEPTANCE
from rackrate.portal.errors import refusal, status_of
from rackrate.portal.matrix import matrix_of
from rackrate.portal.messages import msg
from rackrate.portal.page import Page, Posted, Same, Visited

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


@dataclass(frozen=True, slots=True)
class Filled:
    """The form as it stands, in the words of its fields."""

    project: str = ""
    sku: str = ""
    nodes: str = "8"
    fabric: str = "one"
    start: str = ""
    months: str = "36"
    prepayment: str = "20"
    discount: str = "0"
    days: str = "14"
    name: str = ""
    acceptance: str = "none"
    blocks: str = "any"

    @property
    def query(self) -> str:
        return urlencode(asdict(self))


def filled_of_form(
    project: Annotated[str, Form()] = "",
    sku: Annotated[str, Form()] = "",
    nodes: Annotated[str, Form()] = "",
    fabric: Annotated[str, Form()] = "any",
    start: Annotated[str, Form()] = "",
    months: Annotated[str, Form()] = "",
    prepayment: Annotated[str, Form()] = "0",
    discount: Annotated[str, Form()] = "0",
    days: Annotated[str, Form()] = "14",
    name: Annotated[str, Form()] = "",
    acceptance: Annotated[str, Form()] = "none",
    blocks: Annotated[str, Form()] = "any",
) -> Filled:
    plain = Filled(project, sku, nodes, fabric, start, months, prepayment, discount, days, name)
    return replace(plain, acceptance=acceptance, blocks=blocks)


InForm = Annotated[Filled, Depends(filled_of_form)]


def _filled_of_query(page: Page, request: Request) -> Filled:
    """What a link filled in; else from the first of the month after next."""
    given = {name: request.query_params[name] for name in Filled.__dataclass_fields__
             if name in request.query_params}  # fmt: skip
    first = Month.of(page.now, page.organisation.time_zone).plus(2).first
    return Filled(**{"start": first.isoformat(), **given})


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
    return _form_page(page, _filled_of_query(page, request), None)


@router.post("/quotes/answer")
def answer(page: Posted, filled: InForm) -> Response:
    """What the form as it stands comes to: asked on every change, and nothing is held."""
    return HTMLResponse(page.render("parts/quote_answer.html", **_answered(page, filled)))


@router.post("/quotes")
def create(page: Posted, filled: InForm, form_key: Annotated[str, Form()] = "") -> Response:
    """Write quote and hold together, or say why not with the form as it was."""

    def carry_out() -> str:
        made = quotes.create(page.world, page.actor, _asked(page, filled))
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
        **_answered(page, filled),
    }
    status = 200
    if refused is not None:
        values["refusal"], status = refusal(page, refused), status_of(refused)
    return page.show("quote_new.html", _same(page, filled), status, **values)


def _answered(page: Page, filled: Filled) -> dict[str, Any]:
    """What `parts/quote_answer.html` shows."""
    given, why = None, None
    try:
        given = quotes.ask(page.world, page.actor, _asked(page, filled))
    except RackrateError as error:
        why = refusal(page, error)
    return {
        "filled": filled,
        "given": given,
        "why": why,
        "matrix": None
        if given is None or given.priced.price is None
        else matrix_of(given.priced.price, given.priced.tier),
        "runs": () if given is None else runs(given.plan),
        "instead": []
        if given is None
        else [_instead(filled, given, one) for one in given.alternatives],
        "ways": WAYS,
    }


def runs(plan: Schedule) -> list[tuple[int, Money]]:
    """Instalments of the same amount one after another, counted."""
    return [(len(list(same)), due) for due, same in groupby(part.due for part in plan.instalments)]


def _instead(filled: Filled, given: Answer, one: Offered) -> dict[str, Any]:
    """An alternative with the link that fills it into the form."""
    during, zone_name = one.what.during, given.customer.time_zone
    changed = {
        **asdict(filled),
        "sku": one.what.sku,
        "nodes": str(one.what.nodes),
        "fabric": "one" if one.what.same_block else "any",
        "start": _written(during.start, zone_name),
        "months": str(whole_months(during, zone_name)),
    }
    return {"what": one.what, "value": one.value, "query": urlencode(changed)}


def _written(instant: datetime, zone_name: str) -> str:
    """As the form takes it: a day, or with its time where it is not midnight."""
    local = instant.astimezone(zone(zone_name)).replace(tzinfo=None)
    return local.date().isoformat() if local.time() == time() else local.isoformat()


def _asked(page: Page, filled: Filled) -> Ask:
    """Invalid where a field cannot be read."""
    project = customers.show_project(page.world, page.actor, ProjectId(filled.project))
    buyer = customers.show_customer(page.world, page.actor, project.customer)
    return Ask(
        SkuId(filled.sku),
        _number("nodes", filled.nodes),
        _instant("start", filled.start, buyer.time_zone),
        _number("months", filled.months),
        project=project.id,
        same_block=filled.fabric == "one",
        discount_percent=_percent("discount_percent", filled.discount),
        prepayment_percent=_percent("prepayment_percent", filled.prepayment),
        lasts=timedelta(days=_number("days", filled.days)),
        name=filled.name.strip(),
        terms=_terms(filled),
    )


def _terms(filled: Filled) -> Terms:
    if filled.acceptance not in list(Acceptance):
        raise Invalid("acceptance", f"{filled.acceptance!r} is not one of the list")
    return Terms(Acceptance(filled.acceptance), dedicated=filled.blocks == "own")


def _number(field: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 8):
        raise Invalid(field, f"{text!r} is not a whole number")
    return int(text)


def _percent(field: str, text: str) -> Decimal:
    try:
        percent = Decimal(text or "0")
    except InvalidOperation:
        raise Invalid(field, f"{text!r} is not a percentage") from None
    if not (percent.is_finite() and 0 <= percent <= 100 and len(text) < 12):
        raise Invalid(field, f"{text!r} is not 0 to 100")
    return percent


def _instant(field: str, text: str, zone_name: str) -> datetime:
    try:
        local = datetime.fromisoformat(text)
        if local.tzinfo is None:
            local = local.replace(tzinfo=zone(zone_name))
        return local.astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError):
        raise Invalid(field, f"{text!r} is not a day such as 2027-03-01") from None


def _same(page: Page, filled: Filled) -> Same:
    """The command and the request that the form as it stands would send, without the hold."""
    block = " --same-block" if filled.fabric == "one" else ""
    agreed = " --terms FILE" if (filled.acceptance, filled.blocks) != ("none", "any") else ""
    cli = (
        f"rackrate quote create --project {filled.project or 'PROJECT'} --sku {filled.sku or 'SKU'}"
        f" --count {filled.nodes}{block} --from {filled.start} --months {filled.months}"
        f" --prepayment {filled.prepayment} --discount {filled.discount}"
        f" --expires {filled.days}d{agreed} --dry-run"
    )
    start = filled.start
    with suppress(Invalid):
        start = f"{_instant('start', start, page.organisation.time_zone):%Y-%m-%dT%H:%M:%SZ}"
    one = "true" if filled.fabric == "one" else "false"
    own = "true" if filled.blocks == "own" else "false"
    body = (
        f'{{"project":"{filled.project}","sku":"{filled.sku}","nodes":{filled.nodes or 0},'
        f'"start":"{start}","months":{filled.months or 0},"same_block":{one},'
        f'"prepayment_percent":"{filled.prepayment}","discount_percent":"{filled.discount}",'
        f'"terms":{{"acceptance":"{filled.acceptance}","dedicated":{own}}}}}'
    )
    return Same(cli, f"POST /v1/quotes/answer {body}")


@router.get("/quotes/{id}")
def quote(page: Visited, id: str) -> Response:
    return _quote_page(page, QuoteId(id), None)


def _quote_page(page: Page, id: QuoteId, refused: RackrateError | None) -> Response:
    shown = quotes.show(page.world, page.actor, id)
    names = {one.id: one.name for one in customers.list_customers(page.world, page.actor)}
    found, open_now = shown.quote, shown.state is QuoteState.OPEN
    prices = catalogue.list_contract_prices(page.world, page.actor, found.sku)
    price = next((one for one in prices if one.id == found.price), None)
    tier = price.cell(found.tier_months, found.tier_nodes) if price is not None else None
    longest = found.created + LONGEST_HOLD
    values = {
        "quote": found,
        "shown": shown,
        "state": _state(found, page.now),
        "who": names.get(found.customer, found.customer),
        "matrix": None if price is None else matrix_of(price, tier),
        "runs": runs(shown.plan),
        "acceptance": ACCEPTANCE,
        "plain": lambda percent: f"{percent.normalize():f}",
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
