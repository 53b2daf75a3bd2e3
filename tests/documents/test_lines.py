"""The lines of an invoice as CSV: their sums are the invoice's, and no cell is a formula."""

import csv
import io
from dataclasses import replace
from decimal import Decimal

import pytest

from rackrate.core.inventory import Site
from rackrate.exports.lines import table
from tests.documents.issued import NOVEMBER, every_kind, shop

KINDS = dict(every_kind())


@pytest.mark.parametrize("kind", KINDS)
def test_the_rows_add_up_to_the_invoice(kind: str) -> None:
    document = KINDS[kind]
    rows = list(csv.DictReader(io.StringIO(table(document).decode("utf-8-sig"))))
    assert len(rows) == len(document.lines)
    for name in ("net", "tax", "gross"):
        whole = getattr(document.invoice, name).amount
        assert sum(Decimal(row[name]) for row in rows) == whole, name
    assert {row["sample"] for row in rows} == {"yes"}


def test_a_description_is_no_formula() -> None:
    written = shop().by_hand(("=HYPERLINK(1)", "5.00"))
    (row,) = csv.DictReader(io.StringIO(table(written).decode("utf-8-sig")))
    assert row["description"] == "'=HYPERLINK(1)"
    real = replace(written, sample=False)
    (row,) = csv.DictReader(io.StringIO(table(real).decode("utf-8-sig")))
    assert row["sample"] == "no"


def test_the_second_of_two_credits_takes_back_what_both_come_to_less_the_first() -> None:
    """Of 0.16 the tax at 19 % is 0.03, of 0.08 it is 0.02: the second credit has the cent less."""
    made = shop()
    whole = made.by_hand(("Set-up", "0.16"))
    taxes = []
    for _ in range(2):
        credit = made.credit(whole.invoice.id, "0.08")
        (row,) = csv.DictReader(io.StringIO(table(credit).decode("utf-8-sig")))
        assert row["tax"] == str(credit.invoice.tax.amount)
        taxes.append(row["tax"])
    assert taxes == ["-0.02", "-0.01"]


def test_a_document_is_a_sample_only_where_its_machines_are() -> None:
    """What is for a real site is owed; what is for none is as the seller's sites are."""
    made = shop()
    made.run(1)
    (issued,) = made.close(NOVEMBER)
    assert made.document(issued.id).sample
    with made.built.world.store.transaction() as tx:
        (site,) = tx.find(Site)
        tx.put(replace(site, simulated=False))
    assert not made.document(issued.id).sample
    assert not made.by_hand(("Set-up", "5.00")).sample
