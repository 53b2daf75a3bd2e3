"""Money: invoices, why an amount is what it is, preview, closing, payments, and the ledger."""

from typing import Annotated, Any

from fastapi import APIRouter, Form
from fastapi.responses import Response

from rackrate.app import against, billing, books, customers, digital, explaining
from rackrate.core.access import Verb
from rackrate.core.digital import Colour
from rackrate.core.errors import Invalid, Missing, RackrateError
from rackrate.core.explanation import Explanation
from rackrate.core.ids import CustomerId, EntityId, InvoiceId
from rackrate.core.interval import Month
from rackrate.core.invoice import Invoice, InvoiceKind, InvoiceLine, InvoiceStatus
from rackrate.core.ledger import Account, Balance
from rackrate.core.money import Money
from rackrate.portal import invoice_view, typed
from rackrate.portal.errors import refusal, status_of
from rackrate.portal.lease_view import EVENTS
from rackrate.portal.messages import msg
from rackrate.portal.page import Page, Posted, Same, Visited

router = APIRouter()
A_PAGE = 50
STATUSES = {
    InvoiceStatus.DRAFT: ("wait", msg("Draft")),
    InvoiceStatus.ISSUED: ("wait info", msg("Not paid")),
    InvoiceStatus.PART_PAID: ("warn", msg("Paid in part")),
    InvoiceStatus.PAID: ("ok", msg("Paid")),
    InvoiceStatus.OVERDUE: ("bad", msg("Overdue")),
    InvoiceStatus.VOID: ("wait", msg("Void")),
}
CREDITS = {
    InvoiceStatus.ISSUED: ("wait info", msg("Credit, not used")),
    InvoiceStatus.PART_PAID: ("warn", msg("Credit, used in part")),
    InvoiceStatus.PAID: ("ok", msg("Credit, used")),
}
ACCOUNTS = {
    Account.BANK: msg("Bank"),
    Account.RECEIVABLE: msg("Receivable"),
    Account.UNBILLED: msg("Earned, not invoiced yet"),
    Account.CONTRACT_LIABILITY: msg("Invoiced, not earned yet"),
    Account.OPENING: msg("Opening balances"),
    Account.TAX: msg("Output VAT"),
    Account.USAGE_REVENUE: msg("Revenue from usage"),
    Account.CONTRACT_REVENUE: msg("Revenue from contracts"),
    Account.UNAPPLIED: msg("Money that is allocated to nothing"),
    Account.OTHER_REVENUE: msg("Other revenue"),
    Account.INTEREST: msg("Interest for late payment"),
    Account.EXCHANGE: msg("Exchange differences"),
}


def status_pill(page: Page, invoice: Invoice) -> tuple[str, str]:
    if invoice.kind is InvoiceKind.CREDIT_NOTE:
        return CREDITS[invoice.status]
    return STATUSES[invoice.standing(page.now)]


@router.get("/invoices")
def invoices(page: Visited, customer: str = "", month: str = "", after: str = "") -> Response:
    return _invoices_page(page, customer, month, after, None)


def _invoices_page(
    page: Page, customer: str, month: str, after: str, refused: RackrateError | None
) -> Response:
    """What is issued, newest first; beside it what would be, if a month were closed now."""
    whose = CustomerId(customer) if customer else page.organisation.customer
    found = billing.find(page.world, page.actor, whose, after, A_PAGE + 1)
    shown = found[:A_PAGE]
    names = {one.id: one.name for one in customers.list_customers(page.world, page.actor)}
    this = Month.of(page.now, page.organisation.time_zone)
    values: dict[str, Any] = {
        "rows": [(one, status_pill(page, one)) for one in shown],
        "names": names,
        "customer": customer,
        "after": after,
        "following": shown[-1].id if len(found) > A_PAGE else "",
        "this": this,
        "close_month": month or str(this.plus(-1)),
        "previewed": [whose] if whose else sorted(names),
        "may_close": page.may(Verb.INVOICE_WRITE),
        "entities": books.entities(page.world, page.actor),
        "form_key": page.form_key(),
        "refusal": None if refused is None else refusal(page, refused),
    }
    cli, api = "rackrate invoice list", "GET /v1/invoices"
    if customer:
        cli, api = f"{cli} --customer {customer}", f"{api}?customer={customer}"
    status = 200 if refused is None else status_of(refused)
    return page.show("invoices.html", Same(cli, api), status, **values)


@router.post("/invoices/close")
def close(
    page: Posted,
    month: Annotated[str, Form()] = "",
    entity: Annotated[str, Form()] = "",
    form_key: Annotated[str, Form()] = "",
) -> Response:
    def carry_out() -> str:
        billing.close(page.world, page.actor, EntityId(entity), month_of(month))
        return "/invoices?done=closed"

    try:
        return page.once(form_key, f"close/{entity}/{month}", carry_out)
    except RackrateError as refused:
        return _invoices_page(page, "", month, "", refused)


def month_of(text: str) -> Month:
    try:
        return Month.parse(text)
    except ValueError as error:
        raise Invalid("month", str(error)) from None


@router.get("/invoices/preview")
def preview(page: Visited, customer: str = "", month: str = "") -> Response:
    """The coming invoice of a customer, up to now."""
    whose = CustomerId(customer) if customer else page.organisation.customer
    if whose is None:
        raise Invalid("customer", "say whose invoice")
    asked = month_of(month) if month else Month.of(page.now, page.organisation.time_zone)
    found = billing.preview(page.world, page.actor, whose, asked)
    names = {one.id: one.name for one in customers.list_customers(page.world, page.actor)}
    lines = [InvoiceLine("", InvoiceId(""), whose, i, ln) for i, ln in enumerate(found.lines, 1)]
    same = Same(
        f"rackrate invoice preview --customer {whose} --month {asked}",
        f"GET /v1/invoices/preview?customer={whose}&month={asked}",
    )
    values = {
        "preview": found,
        "lines": lines,
        "who": names.get(whose, whose),
        "month": asked,
        "taxes": invoice_view.taxes_of(found.totals.parts),
        "kinds": invoice_view.KINDS,
        "fills": invoice_view.FILLS,
    }
    return page.show("preview.html", same, **values)


@router.get("/invoices/{id}")
def invoice(page: Visited, id: str, line: int = 0) -> Response:
    return invoice_page(page, InvoiceId(id), line, None)


def invoice_page(page: Page, id: InvoiceId, place: int, refused: RackrateError | None) -> Response:
    found, lines = billing.show(page.world, page.actor, id)
    names = {one.id: one.name for one in customers.list_customers(page.world, page.actor)}
    chosen = next((one for one in lines if one.place == place), lines[0] if lines else None)
    values: dict[str, Any] = {
        "invoice": found,
        "lines": lines,
        "chosen": chosen,
        "kinds": invoice_view.KINDS,
        "fills": invoice_view.FILLS,
        "who": names.get(found.customer, found.customer),
        "pill": status_pill(page, found),
        "taxes": invoice_view.taxes_of(found.by_rule),
        "against": against.against(page.world, page.actor, id),
        **_digital(page, found),
        "why": None if chosen is None else _why(page, found, chosen),
        "events": EVENTS,
        "accounts": ACCOUNTS,
        "changes": _compared(page, found, lines),
        "may_pay": page.may(Verb.INVOICE_WRITE) and found.open.minor > 0,
        "form_key": page.form_key(),
        "refusal": None if refused is None else refusal(page, refused),
    }
    same = Same(f"rackrate invoice show {id}", f"GET /v1/invoices/{id}")
    if place and chosen is not None:
        api = f"GET /v1/invoices/{id}/lines/{chosen.place}/explanation"
        same = Same(f"rackrate invoice explain {id} {chosen.place}", api)
    status = 200 if refused is None else status_of(refused)
    return page.show("invoice.html", same, status, **values)


def _digital(page: Page, invoice: Invoice) -> dict[str, Any]:
    """The digital invoices that were asked for, and whether one can be."""
    found = digital.of_invoice(page.world, page.actor, invoice.id)
    channels = {one.id: one.channel for one in books.entities(page.world, page.actor)}
    red = invoice.voided is not None or invoice.kind is InvoiceKind.CREDIT_NOTE
    colour = Colour.RED if red else Colour.BLUE
    asked = any(one.colour is colour and one.number for one in found)
    may = page.may(Verb.INVOICE_WRITE) and bool(channels.get(invoice.entity))
    return {"digital": found, "red": red, "may_ask": may and not asked}


def _why(page: Page, invoice: Invoice, chosen: InvoiceLine) -> Explanation:
    return explaining.explain(page.world, page.actor, invoice.id, chosen.place)


def _compared(
    page: Page, invoice: Invoice, lines: list[InvoiceLine]
) -> tuple[Month, list[invoice_view.Change]] | None:
    """Against the month before, where both are invoices of a month."""
    if not invoice.cause.startswith("month/"):
        return None
    earlier = f"month/{invoice.month.plus(-1)}/{invoice.customer}"
    issued = billing.find(page.world, page.actor, invoice.customer)
    same = (earlier, invoice.project, invoice.purchase_order)
    found = (one for one in issued if (one.cause, one.project, one.purchase_order) == same)
    before = next(found, None)
    if before is None:
        return None
    _, old = billing.show(page.world, page.actor, before.id)
    return before.month, invoice_view.compared(lines, old)


@router.post("/invoices/{id}/payments")
def pay(
    page: Posted,
    id: str,
    amount: Annotated[str, Form()] = "",
    reference: Annotated[str, Form()] = "",
    form_key: Annotated[str, Form()] = "",
) -> Response:
    """Money has come in."""
    invoice = InvoiceId(id)

    def carry_out() -> str:
        found, _ = billing.show(page.world, page.actor, invoice)
        if not 1 <= len(reference.strip()) <= 100:
            raise Invalid("reference", "the payer's reference has 1 to 100 characters")
        money = typed.money("amount", amount, found.gross.currency)
        billing.settle(page.world, page.actor, invoice, money, reference.strip())
        return f"/invoices/{id}?done=paid"

    try:
        return page.once(form_key, f"pay/{id}/{amount}/{reference}", carry_out)
    except Missing:
        raise
    except RackrateError as refused:
        return invoice_page(page, invoice, 0, refused)


@router.get("/ledger")
def ledger(page: Visited, entity: str = "", after: int = 0) -> Response:
    """Balances by account, and the journal, newest first."""
    entities = books.entities(page.world, page.actor)
    if not entities:
        return page.show("ledger.html", None, entity=None)
    chosen = next((one for one in entities if one.id == entity), entities[0])
    balances = books.balances(page.world, page.actor, chosen.id)
    journal = list(reversed(books.journal(page.world, page.actor, chosen.id)))
    skip = max(0, min(after, len(journal)))
    values = {
        "entity": chosen,
        "entities": entities,
        "rows": _by_account(balances),
        "sum": Money(sum(one.book.minor for one in balances), chosen.currency),
        "names": {one.id: one.name for one in customers.list_customers(page.world, page.actor)},
        "accounts": ACCOUNTS,
        "journal": journal[skip : skip + A_PAGE],
        "entries": len(journal),
        "after": skip,
        "following": skip + A_PAGE if len(journal) > skip + A_PAGE else 0,
    }
    option = f" --entity {chosen.id}" if len(entities) > 1 else ""
    same = Same(f"rackrate ledger balance{option}", f"GET /v1/ledger/balances?entity={chosen.id}")
    return page.show("ledger.html", same, **values)


def _by_account(balances: tuple[Balance, ...]) -> list[tuple[Account, Money, list[Balance]]]:
    """Each account with its sum in the books' currency, and who it is made of."""
    rows: list[tuple[Account, Money, list[Balance]]] = []
    for account in Account:
        mine = [one for one in balances if one.account == account]
        if mine:
            whole = mine[0].book
            for one in mine[1:]:
                whole = whole + one.book
            rows.append((account, whole, mine))
    return rows
