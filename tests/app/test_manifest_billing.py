"""Terms of billing, budgets, wallets and limits in files: shown, applied once, refused whole."""

from datetime import timedelta

import pytest

from rackrate.app import budgets, receivables, wallets
from rackrate.app.manifest import Change
from rackrate.app.wallets import TopUp
from rackrate.core.billing_terms import OrderNumber
from rackrate.core.errors import Invalid
from rackrate.core.ids import ContractId, ProjectId
from tests.app.money_shop import ROBOTICS, SELLER, Shop, cny, open_shop

FILES = """
kind: seller_terms
entity: example
late_percent: 5
remind: by-hand
reminders:
- {days: 10, name: reminder}
- {days: 30, name: last notice}
---
kind: billing_terms
customer: robotics
payment_days: 45
per_project: true
purchase_orders:
- {number: PO-77}
- {number: PO-78, contract: robotics-2026}
---
kind: budget
customer: robotics
project: robotics-train
amount: 300
currency: CNY
stop: true
grace: 2 hours
---
kind: wallet
customer: robotics
low: 50
currency: CNY
keep_storage: 10 days
"""


def shown(changes: tuple[Change, ...]) -> dict[str, list[str]]:
    return {
        f"{each.kind} {each.id}": [f"{f.name}: {f.old} -> {f.new}" for f in each.fields]
        for each in changes
    }


def test_what_files_say_of_billing_is_so_and_twice_is_once() -> None:
    shop = open_shop()
    world = shop.built.world
    planned = shop.built.apply(FILES, dry_run=True)
    assert [each.action for each in planned.changes] == ["create"] * 4
    assert wallets.find(world, shop.mei) == []
    assert shop.built.apply(FILES).changes == planned.changes
    assert shop.built.apply(FILES).changes == ()
    own, rules = receivables.terms_of(world, shop.mei, ROBOTICS)
    assert (own.payment_days, own.per_project, own.late_percent) == (45, True, None)
    assert own.orders == (OrderNumber("PO-77"), OrderNumber("PO-78", contract=K1))
    assert (rules.credit_series, str(rules.late_percent), rules.reminds) == ("EX-CR", "5", False)
    assert [(each.level, each.days) for each in rules.steps] == [(1, 10), (2, 30)]
    (budget,) = budgets.find(world, shop.mei)
    assert (budget.id, budget.amount, budget.stop) == ("robotics:robotics-train", cny("300"), True)
    wallet = wallets.show(world, shop.mei, ROBOTICS).wallet
    assert (wallet.low, wallet.keep_storage) == (cny("50"), timedelta(days=10))
    assert own.order(ProjectId("robotics-train"), None) == "PO-77"


K1 = ContractId("robotics-2026")


def test_only_what_differs_is_shown_and_changed() -> None:
    shop = open_shop()
    shop.built.apply(FILES)
    wallets.top_up(shop.built.world, shop.mei, TopUp(ROBOTICS, cny("70"), "wire"))
    text = FILES.replace("low: 50", "low: 80").replace("stop: true", "stop: false")
    text = text.replace("days: 30", "days: 25").replace("payment_days: 45\n", "")
    found = shown(shop.built.apply(text).changes)
    assert found["wallet robotics"] == ["low: 50.00 CNY -> 80.00 CNY"]
    assert found["budget robotics:robotics-train"] == ["stop: true -> false"]
    assert found["billing_terms robotics"] == ["payment_days: 45 -> unknown"]
    (steps,) = found["seller_terms example"]
    assert steps.endswith("-> reminder after 10 days, last notice after 25 days")
    assert shop.built.apply(text).changes == ()
    assert wallets.show(shop.built.world, shop.mei, ROBOTICS).balance.held == cny("70")


def test_a_wallet_that_was_closed_is_opened_again_by_its_file() -> None:
    shop = open_shop()
    shop.built.apply(FILES)
    wallets.close(shop.built.world, shop.mei, ROBOTICS, "out")
    (change,) = shop.built.apply(FILES).changes
    assert [each.name for each in change.fields] == ["closed"]
    assert wallets.show(shop.built.world, shop.mei, ROBOTICS).wallet.in_use


@pytest.mark.parametrize(
    ("wrong", "right", "said"),
    [
        ("low: 50\ncurrency: USD", "low: 50\ncurrency: CNY", "pays in CNY"),
        ("low: 50\ncurrency: XYZ", "low: 50\ncurrency: CNY", "unknown currency"),
        ("low: -1", "low: 50", "`low` is wrong: -1 is not from 0"),
        ("low: 1e3", "low: 50", "not a decimal"),
        ("low: 50.001", "low: 50", "more than 2 decimals"),
        ("keep_storage: 400 days", "keep_storage: 10 days", "at most 366 days"),
        ("amount: 0", "amount: 300", "is not from"),
        ("grace: 60 days", "grace: 2 hours", "at most 31 days"),
        ("project: studio-render", "project: robotics-train", "belongs to 'studio'"),
        ("customer: robots\nlow", "customer: robotics\nlow", "no customer is called 'robots'"),
        ("payment_days: 400", "payment_days: 45", "is not from 0 to 365"),
        ("late_percent: 101", "late_percent: 5", "is not from 0 to 100"),
        ("remind: sometimes", "remind: by-hand", "is unknown"),
        ("{days: 5, name: last", "{days: 30, name: last", "more days after the due date"),
        ("credit_series: EX", "late_percent: 5", "EX is in use by example"),
        ("credit_series: ex cr", "late_percent: 5", "is neither `same`"),
        ("{number: PO-77, contract: robotics-2026}", "{number: PO-77}", "one purchase-order"),
        ("{number: PO-77, colour: red}", "{number: PO-77}", "unknown field"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line_and_nothing_of_it_is_applied(
    wrong: str, right: str, said: str
) -> None:
    shop = open_shop()
    with pytest.raises(Invalid) as refused:
        shop.built.apply(FILES.replace(right, wrong, 1))
    assert said in refused.value.detail
    assert refused.value.where.startswith("1.yaml:")
    _nothing_applied(shop)


def _nothing_applied(shop: Shop) -> None:
    assert wallets.find(shop.built.world, shop.mei) == []
    assert budgets.find(shop.built.world, shop.mei) == []
    own, rules = receivables.terms_of(shop.built.world, shop.mei, ROBOTICS)
    assert own.payment_days is None and rules.reminds and rules.id == SELLER
