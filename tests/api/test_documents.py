"""Documents of invoices over HTTP: files with their names and kinds, and why there is none."""

from collections.abc import Iterator

import pytest

from rackrate.memory import MemoryStore
from tests.api.conftest import Cloud, open_cloud

NUMBER = "EX-2026-000001"


@pytest.fixture(scope="module")
def billed() -> Iterator[Cloud]:
    """A cloud in which acme has an invoice for a month of a GPU."""
    for cloud in open_cloud(MemoryStore()):
        cloud.lease()
        for _ in range(2):
            cloud.provision()
            cloud.later(minutes=1)
        cloud.later(days=30)
        closed = cloud.admin.post("/v1/invoices/close", {"month": "2026-11"})
        assert closed.status == 200, closed.text
        yield cloud


@pytest.mark.parametrize(
    ("query", "name", "media", "begins"),
    [
        ("", f"{NUMBER}.pdf", "application/pdf", b"%PDF-1.7"),
        ("?language=zh", f"{NUMBER}.pdf", "application/pdf", b"%PDF-1.7"),
        ("?format=csv", f"{NUMBER}.csv", "text/csv; charset=utf-8", b"\xef\xbb\xbfinvoice,kind"),
    ],
)
def test_an_invoice_is_had_as_a_file(
    billed: Cloud, query: str, name: str, media: str, begins: bytes
) -> None:
    got = billed.acme.get(f"/v1/invoices/{NUMBER}/document{query}")
    assert (got.status, got.headers["content-type"]) == (200, media)
    assert got.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert got.content.startswith(begins)


def test_what_is_missing_for_an_electronic_invoice_is_listed(billed: Cloud) -> None:
    got = billed.acme.get(f"/v1/invoices/{NUMBER}/document?format=ubl")
    assert (got.status, got.json["reason"]) == (409, "not_stated")
    assert "customer.details.street" in got.json["missing"]


@pytest.mark.parametrize("path", ["document", "digital"])
def test_what_belongs_to_another_is_not_there(billed: Cloud, path: str) -> None:
    assert billed.bolt.get(f"/v1/invoices/{NUMBER}/{path}").status == 404
    assert billed.acme.get(f"/v1/invoices/EX-2026-000009/{path}").status == 404


def test_a_customer_asks_no_channel_and_the_operator_is_told_that_there_is_none(
    billed: Cloud,
) -> None:
    assert billed.acme.post(f"/v1/invoices/{NUMBER}/digital").status == 403
    asked = billed.admin.post(f"/v1/invoices/{NUMBER}/digital")
    assert (asked.status, asked.json["missing"]) == (409, ["entity.digital_invoices"])
    assert billed.admin.get(f"/v1/invoices/{NUMBER}/digital").json == {"items": []}
