"""What is invoiced keeps its tax rule; what comes again, or comes later, has that of its month."""

from dataclasses import replace
from datetime import timedelta

import pytest

from rackrate.app import billing, leasing, voiding
from rackrate.app.customers import NewCustomer, create_customer
from rackrate.app.leasing import Ask
from rackrate.core.errors import Invalid
from rackrate.core.ids import CustomerId, InvoiceId, SkuId
from rackrate.core.inventory import Entity
from rackrate.core.invoice import Invoice, LineKind
from rackrate.core.treatment import Supply, TaxChange
from rackrate.exports.einvoice import ubl
from tests.app.money_shop import FIRST, NOVEMBER, Shop
from tests.build import CUSTOMERS, SMALL, build
from tests.documents.issued import BERLIN, DECEMBER, SELLER, TRAIN, shop
from tests.documents.judges import rules

LEASED = SMALL.replace("whole_node: true", "whole_node: true\nsupply: lease")


def treated(treatment: str, *more: str, included: bool = False) -> Shop:
    seller = LEASED.replace("output_tax: cn-service-6", f"output_tax: {treatment}")
    seller = seller.replace("tax_included: false", f"tax_included: {str(included).lower()}")
    return Shop.of(build(seller, CUSTOMERS, *more, now=FIRST))


def retreat(made: Shop, treatment: str) -> None:
    with made.built.world.store.transaction() as tx:
        tx.put(replace(tx.get(Entity, SELLER), output_tax=treatment))


def contract(*lines: str, prepaid: int = 20) -> str:
    during = "start: 2026-11-01, end: 2027-11-01"
    head = "kind: contract\nname: k1\nproject: robotics-train\ncurrency: CNY\n"
    said = "".join(f"  - {{{line}, {during}}}\n" for line in lines)
    zone = "time_zone: Asia/Shanghai\n"
    return f"{head}{zone}tax_included: false\nprepayment_percent: {prepaid}\nlines:\n{said}"


NODES = "sku: h100.node, nodes: 2, monthly: 1000.00"
SUPPORT = "kind: service, title: Support, monthly: 100.00"


def by_rule(invoice: Invoice) -> dict[str, str]:
    return {part.rule: str(part.tax.amount) for part in invoice.by_rule}


def test_a_correction_is_under_the_rule_of_what_it_corrects_whatever_holds_by_then() -> None:
    late = shop("eu-de-19")
    late.built.clock.instant = NOVEMBER.interval(BERLIN).end - timedelta(hours=4)
    world, admin = late.built.world, late.built.admin
    lease = leasing.start(world, admin, Ask(TRAIN, SkuId("h100.1")))
    late.settle()
    late.built.clock.advance(timedelta(hours=2))
    late.settle(full=True)
    late.engine.lose(lease.id)
    late.close(NOVEMBER)
    with world.store.transaction() as tx:
        change = TaxChange(NOVEMBER, "eu-fr-20")
        tx.put(replace(tx.get(Entity, SELLER), tax_changes=(change,)))
    late.built.clock.advance(timedelta(hours=1))
    late.settle(full=True)
    late.run(1)
    late.run(1)
    (december,) = late.close(DECEMBER)
    assert by_rule(december) == {"eu-de-19": "-6.46", "eu-fr-20": "13.60"}
    assert rules("ubl").broken(ubl(late.document(december.id))) == []


@pytest.mark.parametrize(
    ("included", "expected"),
    [(False, {"cn-service-6": "102.00"}), (True, {"cn-lease-13": "195.58"})],
)
def test_of_what_comes_again_tax_on_top_is_that_of_now_and_tax_inside_stays(
    included: bool, expected: dict[str, str]
) -> None:
    made = treated("cn-lease-13", included=included)
    made.lease(100)
    (issued,) = made.close()
    retreat(made, "cn-service-6")
    void = voiding.void_invoice(made.built.world, made.mei, issued.id, "wrong rate", again=True)
    assert void.replaced is not None
    again = made.show(void.replaced)
    assert by_rule(again) == expected
    assert again.net == issued.net


def test_a_signature_is_on_an_invoice_for_each_of_what_cannot_stand_together() -> None:
    made = treated("service=cn-service-6,lease=none", contract(NODES, SUPPORT))
    first, second = (made.show(InvoiceId(f"EX-2026-00000{n}")) for n in (1, 2))
    assert [by_rule(first), by_rule(second)] == [{"cn-service-6": "19.20"}, {"none": "0.00"}]
    assert (first.cause, second.cause) == ("signature/k1", "signature/k1/2")
    assert {line.supply for line in made.lines(second.id)} == {Supply.LEASE}
    assert made.agrees()


def test_a_preview_is_taxed_as_its_month_is_and_says_each_rule() -> None:
    made = treated("cn-general", contract(NODES, SUPPORT, prepaid=0))
    with made.built.world.store.transaction() as tx:
        change = TaxChange(NOVEMBER.plus(1), "cn-service-6")
        tx.put(replace(tx.get(Entity, SELLER), tax_changes=(change,)))
    robotics = CustomerId("robotics")
    preview = billing.preview(made.built.world, made.mei, robotics, NOVEMBER)
    rules = {(line.supply.value, line.tax_rule) for line in preview.lines}
    assert rules == {("lease", "cn-service-6"), ("service", "cn-service-6")}
    assert [str(part.tax) for part in preview.totals.parts] == ["66.00 CNY"]


def test_what_a_contract_says_of_a_supply_comes_before_what_its_sku_is() -> None:
    made = treated("cn-general", contract(f"{NODES}, supply: service", f"{SUPPORT}, supply: lease"))
    lines = made.lines(InvoiceId("EX-2026-000001"))
    found = {(line.kind, line.supply, line.tax_rule) for line in lines if line.commitment}
    assert (LineKind.INSTALMENT, Supply.SERVICE, "cn-service-6") in found
    assert (LineKind.INSTALMENT, Supply.LEASE, "cn-lease-13") in found


def test_a_customer_goes_back_to_its_seller_s_treatment_and_storage_is_a_service() -> None:
    own = "tax_rule: zero-rated\ntax_changes: [{from: 2026-12}]\n"
    customers = CUSTOMERS.replace("kind: customer\n", f"kind: customer\n{own}", 1)
    made = Shop.of(build(LEASED.replace("cn-service-6", "cn-general"), customers, now=FIRST))
    made.lease(1)
    (november,) = made.close()
    made.lease(1)
    (december,) = made.close(NOVEMBER.plus(1))
    assert by_rule(november) == {"zero-rated": "0.00"}
    assert by_rule(december) == {"cn-service-6": "1.02"}


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("tax_changes: [{from: 2027-13, tax: cn-general}]", "no such month"),
        ("tax_changes: [{from: 2027-02, tax: cn-genral}]", "did you mean 'cn-general'"),
        (
            "tax_changes: [{from: 2027-02, tax: none}, {from: 2027-01, tax: none}]",
            "not one after the other",
        ),
        ("tax_codes: {service: 304x}", "not a class of digits"),
        ("tax_codes: {rent: '304'}", "unknown field `tax_codes.rent`"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_line(field: str, said: str) -> None:
    with pytest.raises(Invalid, match=r"1\.yaml:\d+") as refused:
        build(SMALL.replace("invoice_series: EX", f"invoice_series: EX\n{field}"))
    assert said in str(refused.value)


def test_nobody_comes_under_reverse_charge_without_both_vat_ids() -> None:
    """Neither by a change to come, nor because the seller's own treatment becomes that."""
    built = build(SMALL, CUSTOMERS)
    with pytest.raises(Invalid) as refused:
        built.apply(SMALL.replace("cn-service-6", "service=eu-reverse-charge,lease=none"))
    said = "must be a VAT id of CN under service=eu-reverse-charge,lease=none"
    for name in ("Compute", "Robotics", "Studio"):
        assert f"`tax_id` of Example {name} (sample) {said}" in str(refused.value)
    new = NewCustomer(CustomerId("new"), "New", "FR", tax_rule="eu-reverse-charge")
    with pytest.raises(Invalid, match="must be a VAT id of CN under eu-reverse-charge"):
        create_customer(built.world, built.admin, new)


def test_a_change_to_reverse_charge_needs_the_customer_s_vat_id() -> None:
    own = 'tax_changes: [{from: 2027-01, tax: "service=eu-reverse-charge,lease=none"}]\n'
    with pytest.raises(Invalid, match="must be a VAT id of CN"):
        build(SMALL, CUSTOMERS.replace("kind: customer\n", f"kind: customer\n{own}", 1))
