"""Terms of billing, budgets and wallets as files declare them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from rackrate.app.budgets import NewBudget
from rackrate.app.manifest.documents.parts import Reader, rows
from rackrate.app.manifest.fields import Fields, shown
from rackrate.app.wallets import NewWallet
from rackrate.core.billing_terms import (
    DEFAULT_STEPS,
    HIGHEST_PERCENT,
    LONGEST_NUMBER,
    LONGEST_TERM_DAYS,
    BillingTerms,
    OrderNumber,
    SellerTerms,
    Step,
    steps_of,
)
from rackrate.core.grace import GRACE, LONGEST_GRACE
from rackrate.core.ids import ContractId, CustomerId, EntityId, ProjectId
from rackrate.core.inventory import Entity
from rackrate.core.money import MOST_AMOUNT, Money
from rackrate.core.parties import Customer, Project
from rackrate.core.wallet import KEEP_STORAGE, LONGEST_KEPT

MOST_ORDERS, MOST_STEPS, LONGEST_NAME, MOST_DAYS = 1000, 9, 60, 3650
SAME, REMINDS = "same", ("auto", "by-hand")
_SERIES = re.compile(r"[A-Z0-9]+(-[A-Z0-9]+)*")


@dataclass(frozen=True, slots=True)
class SellerRules:
    """A seller's rules as a file has them; `credit_series` None: as it is."""

    id: EntityId
    credit_series: str | None
    late_percent: Decimal
    late_taxed: bool
    steps: tuple[Step, ...]
    reminds: bool

    def __post_init__(self) -> None:
        SellerTerms(self.id, "", self.late_percent, self.late_taxed, self.steps, self.reminds)

    def over(self, old: SellerTerms) -> SellerTerms:
        series = old.credit_series if self.credit_series is None else self.credit_series
        rules = (self.late_percent, self.late_taxed, self.steps, self.reminds)
        return SellerTerms(self.id, series, *rules)


def _billing_terms(f: Fields) -> list[BillingTerms]:
    customer = f.reference("customer", Customer)
    days = f.whole("payment_days", 0, LONGEST_TERM_DAYS) if f.has("payment_days") else None
    per_project = f.boolean("per_project", False)
    late = f.optional_decimal("late_percent", Decimal(0), HIGHEST_PERCENT)
    listed = f.each("purchase_orders", MOST_ORDERS) if f.has("purchase_orders") else []
    orders = [order for each in listed if (order := _order(each)) is not None]
    id = CustomerId(customer)
    return rows(f, lambda: BillingTerms(id, EntityId(""), days, per_project, late, tuple(orders)))


def _order(f: Fields) -> OrderNumber | None:
    number = f.text("number", longest=LONGEST_NUMBER)
    project = f.reference("project", Project, required=False)
    contract = f.name("contract") if f.has("contract") else ""
    of, under = ProjectId(project) if project else None, ContractId(contract) if contract else None
    return f.build(lambda: OrderNumber(number, of, under))


def _seller_terms(f: Fields) -> list[SellerRules]:
    entity, series = f.reference("entity", Entity), None
    if f.has("credit_series"):
        text = f.text("credit_series", longest=16)
        series = "" if text == SAME else text
        if series and not _SERIES.fullmatch(series):
            f.wrong("credit_series", f"{shown(text)} is neither `{SAME}` nor such as EX-CR")
    late = f.decimal("late_percent", Decimal(0), HIGHEST_PERCENT, Decimal(0))
    taxed = f.boolean("late_taxed", False)
    remind = f.one_of("remind", REMINDS, REMINDS[0])
    steps: tuple[Step, ...] = DEFAULT_STEPS
    if f.has("reminders"):
        steps = _steps(f.each("reminders", MOST_STEPS))
    return rows(
        f, lambda: SellerRules(EntityId(entity), series, late, taxed, steps, remind == REMINDS[0])
    )


def _steps(listed: list[Fields]) -> tuple[Step, ...]:
    table: list[tuple[int, str]] = []
    for f in listed:
        table.append((f.whole("days", 0, MOST_DAYS), f.text("name", longest=LONGEST_NAME)))
        f.refuse_unknown()
    return steps_of(table)


def _budget(f: Fields) -> list[NewBudget]:
    customer, project = f.reference("customer", Customer), f.reference("project", Project, False)
    amount, stop = _amount(f, "amount", Decimal("0.001")), f.boolean("stop", False)
    grace = _term(f, "grace", GRACE, LONGEST_GRACE)
    if amount is None or not f.ok:
        return []
    of = ProjectId(project) if project else None
    return rows(f, lambda: NewBudget(CustomerId(customer), of, amount, stop, grace))


def _wallet(f: Fields) -> list[NewWallet]:
    customer, low = f.reference("customer", Customer), _amount(f, "low", Decimal(0))
    grace = _term(f, "grace", GRACE, LONGEST_GRACE)
    kept = _term(f, "keep_storage", KEEP_STORAGE, LONGEST_KEPT)
    if low is None or not f.ok:
        return []
    return rows(f, lambda: NewWallet(CustomerId(customer), low, grace, kept))


def _amount(f: Fields, field: str, least: Decimal) -> Money | None:
    amount, currency = f.decimal(field, least, MOST_AMOUNT), f.currency("currency")
    if not f.ok:
        return None
    try:
        return Money.parse(str(amount), currency)
    except ValueError as error:
        f.wrong(field, f"is wrong: {error}")
        return None


def _term(f: Fields, field: str, default: timedelta, longest: timedelta) -> timedelta:
    term = f.duration(field, default)
    if term > longest:
        f.wrong(field, f"must be at most {longest.days} days")
    return term


READERS: Mapping[str, Reader] = {
    "billing_terms": Reader(BillingTerms, _billing_terms),
    "seller_terms": Reader(SellerRules, _seller_terms),
    "budget": Reader(NewBudget, _budget),
    "wallet": Reader(NewWallet, _wallet),
}
