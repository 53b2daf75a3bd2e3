"""What stores keep of credit limits, budgets, wallets, disputes and rates."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from rackrate.core.budget import Budget
from rackrate.core.credit import CreditTally
from rackrate.core.currency import CurrencyRate, InvoiceRate
from rackrate.core.ids import CustomerId, EntityId, InvoiceId, ProjectId
from rackrate.core.interval import Month
from rackrate.core.money import Money
from rackrate.core.receivable import Dispute, LastReminding
from rackrate.core.wallet import Stage, Wallet

ENTITY = EntityId("seller")
ACME, ACME_LAB = CustomerId("acme"), ProjectId("acme-lab")
NOON, HOUR = datetime(2026, 11, 22, 12, tzinfo=UTC), timedelta(hours=1)
FULL, MONTH = Money(1000, "CNY"), Month(2026, 11)
_EMPTY = Wallet(ACME, ENTITY, NOON, FULL, HOUR, 30 * HOUR, Money(-5, "CNY"), FULL, FULL)

CREDIT_ROWS: tuple[object, ...] = (
    CreditTally(ACME, NOON, NOON + HOUR, Money(700, "CNY"), Money(50, "CNY")),
    Budget("acme", ACME, None, FULL, False, HOUR, MONTH, Money(0, "CNY")),
    Budget("acme:acme-lab", ACME, ACME_LAB, FULL, True, HOUR, MONTH, FULL, 100, NOON, NOON + HOUR),
    replace(_EMPTY, stage=Stage.EMPTY, looked=NOON, stops=NOON + HOUR, ends=NOON + 31 * HOUR),
    replace(_EMPTY, id=CustomerId("bolt"), closed=NOON),
    LastReminding(ENTITY, NOON),
    Dispute(InvoiceId("EX-1"), ACME, NOON, "nodes were down"),
    CurrencyRate(
        "USD/CNY/2026-11-22T12:00:00Z", "USD", "CNY", NOON, Decimal("7.1203"), "a bank 行", True
    ),
    InvoiceRate(InvoiceId("EX-1"), ACME, Decimal("7.1203"), NOON, "a bank", FULL),
)
