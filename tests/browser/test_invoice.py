"""An invoice's page: what it was settled by, its tax by rate, and its digital invoice with file."""

from rackrate.app import payments
from rackrate.core.ids import InvoiceId
from rackrate.core.money import Money
from tests.browser.conftest import Site
from tests.browser.test_guard import Client

ID = InvoiceId("EX-2026-000005")
PAGE = f"/invoices/{ID}"


def test_what_was_paid_and_the_digital_invoice_stand_on_the_page(site: Site) -> None:
    world, admin = site.cloud.world, site.cloud.admin
    finance, owner = Client(site.url), Client(site.url)
    finance.sign_in(site.cloud.tokens["finance"])
    owner.sign_in(site.cloud.tokens["owner@studio.example"])
    payments.settle(world, admin, ID, Money.parse("1000.00", "CNY"), "BANK-5")
    body = owner.get(PAGE).body
    assert "BANK-5" in body and "¥1,000.00" in body and "VAT 6%" in body
    assert f"{PAGE}/digital" not in body
    assert owner.post(f"{PAGE}/digital", **owner.form("/billing")).status == 403
    asked = finance.post(f"{PAGE}/digital", **finance.form(PAGE))
    assert asked.headers["Location"] == f"{PAGE}?done=digital-asked"
    assert "Ask for the digital invoice" not in finance.get(PAGE).body
    file = owner.get(f"{PAGE}/digital/blue")
    assert file.status == 200 and ID in file.body
    assert file.headers["Content-Disposition"].startswith("attachment")
    assert owner.get(f"{PAGE}/digital/red").status == 404
    other = Client(site.url)
    other.sign_in(site.cloud.tokens["owner@robotics.example"])
    assert other.get(f"{PAGE}/digital/blue").status == 404
