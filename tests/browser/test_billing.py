"""How a customer is billed, on its page: budgets by its owner, terms and wallet by finance."""

from typing import Any

from rackrate.app import budgets, credit, customers, receivables, wallets
from rackrate.core.ids import CustomerId
from tests.browser.conftest import Site
from tests.browser.test_guard import Client

STUDIO = CustomerId("example-studio")
PATH = f"/customers/{STUDIO}"


def client(site: Site, who: str) -> Client:
    made = Client(site.url)
    made.sign_in(site.cloud.tokens[who])
    return made


def send(whose: Client, page: str, path: str, **fields: str) -> Any:
    """A form of that page, filled in."""
    return whose.post(PATH + path, **fields, **whose.form(page))


def test_an_owner_sets_changes_and_removes_a_budget_and_nothing_else(site: Site) -> None:
    world, admin = site.cloud.world, site.cloud.admin
    owner = client(site, "owner@studio.example")
    made = send(owner, "/billing", "/budgets", amount="1,000", stop="yes", grace="6")
    assert made.headers["Location"] == "/billing?done=budget-set"
    page = owner.get("/billing").body
    assert "1,000.00" in page and "leases stop" in page
    send(owner, "/billing", "/budgets", amount="9000000", stop="", grace="24")
    (budget,) = budgets.find(world, admin, STUDIO)
    assert (str(budget.amount.amount), budget.stop) == ("9000000.00", False)
    wrong = send(owner, "/billing", "/budgets", amount="many", grace="24")
    assert wrong.status == 422 and "Something in the form is not right" in wrong.body
    send(owner, "/billing", "/budgets/remove", budget=STUDIO)
    assert budgets.find(world, admin, STUDIO) == []
    for path, field in (("/limit", "limit"), ("/terms", "days"), ("/wallet/top-up", "amount")):
        assert send(owner, "/billing", path, **{field: "9"}).status == 403, path
    other = client(site, "owner@robotics.example")
    assert other.get(f"{PATH}/billing").status == 404


def test_finance_sets_terms_limit_and_a_wallet_that_the_customer_sees(site: Site) -> None:
    world, admin = site.cloud.world, site.cloud.admin
    finance, page = client(site, "finance"), f"{PATH}/billing"
    send(finance, page, "/terms", days="45", late="", per_project="yes")
    send(finance, page, "/orders", of="", number="PO-1")
    send(finance, page, "/orders", of="project:studio-render", number="PO-2")
    send(finance, page, "/orders", of="", number="")
    own, _ = receivables.terms_of(world, admin, STUDIO)
    assert (own.payment_days, own.late_percent, own.per_project) == (45, None, True)
    assert [(each.number, each.project) for each in own.orders] == [("PO-2", "studio-render")]
    send(finance, page, "/limit", limit="250000")
    assert str(credit.show(world, admin, STUDIO).limit) == "250,000.00 CNY"
    send(finance, page, "/limit", limit="")
    assert customers.show_customer(world, admin, STUDIO).credit_limit is None
    send(finance, page, "/wallet", low="5000", grace="24", keep="30")
    came = send(finance, page, "/wallet/top-up", amount="200,000.00", reference="BANK-7")
    assert came.headers["Location"] == f"{page}?done=topped-up"
    left = wallets.show(world, admin, STUDIO).balance.left
    seen = client(site, "owner@studio.example").get("/billing").body
    assert f"¥{left.amount:,}" in seen and "BANK-7" in seen
    refused = send(finance, page, "/wallet/close", reference="back")
    assert refused.status == 409 and "wallet" in refused.body
