"""Amounts that no books hold and days that no calendar has: refused by field, nothing changed."""

from collections.abc import Iterator
from typing import Any

import pytest

from rackrate.memory import MemoryStore
from tests.api.conftest import Cloud, open_cloud
from tests.api.serve import Answer

HUGE = {"amount": "9999999999999999", "currency": "CNY"}
MOST = {"amount": "1000000000000", "currency": "CNY"}
FAR = "9999-12-31T23:59:59Z"
WISH: dict[str, Any] = {
    "project": "acme-work", "sku": "h100.node", "nodes": 1,
    "start": "2026-12-01T00:00:00Z", "end": "2027-12-01T00:00:00Z",
}  # fmt: skip
ONE: dict[str, Any] = {
    "kind": "one_off", "title": "Integration", "amount": MOST,
    "start": "2026-12-01T00:00:00Z", "end": "2026-12-02T00:00:00Z",
}  # fmt: skip
PAID = {"amount": "60000.00", "currency": "CNY"}
NODES = {k: v for k, v in WISH.items() if k != "project"} | {"amount": PAID}
ORDER: dict[str, Any] = {
    "id": "po-1", "site": "site", "supplier": "Example Supplier", "block": "block",
    "chip": "h100", "gpus": 8,
    "capacity": {"milli_cpus": 64000, "memory_mib": 1024000, "disk_mib": 1024000},
    "price": {"amount": "1000000.00", "currency": "CNY"},
    "batches": [{"nodes": 4, "expected": "2027-02-01T00:00:00Z"}],
}  # fmt: skip


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    for cloud in open_cloud(MemoryStore()):
        signed = cloud.admin.post("/v1/contracts", {**WISH, "id": "acme-1", "monthly": PAID})
        assert signed.status == 201, signed.text
        ordered = cloud.admin.post("/v1/purchase-orders", ORDER)
        assert ordered.status == 201, ordered.text
        yield cloud


def refused(cloud: Cloud, path: str, body: dict[str, Any]) -> Answer:
    before = cloud.rows()
    answer = cloud.admin.post(f"/v1/{path}", body)
    assert (answer.status, answer.json["reason"]) == (422, "invalid"), answer.text
    assert cloud.rows() == before
    return answer


def more(*commitments: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "more", "commitments": list(commitments)}


@pytest.mark.parametrize("amount", [HUGE, {**MOST, "amount": "1000000000000.01"}])
def test_an_amount_beyond_the_most_is_refused_wherever_it_is_asked(
    cloud: Cloud, amount: dict[str, str]
) -> None:
    wishes: list[tuple[str, dict[str, Any]]] = [
        ("quotes/answer", {**WISH, "monthly": amount}),
        ("quotes", {**WISH, "monthly": amount}),
        ("contracts", {**WISH, "monthly": amount}),
        ("purchase-orders", {**ORDER, "id": "po-2", "price": amount}),
    ]
    for kind in ("one_off", "service"):
        line = {**ONE, "kind": kind, "amount": amount}
        asked = {"project": "acme-work", "commitments": [NODES, line]}
        wishes += [
            ("contracts", asked),
            ("contracts/acme-1/amendments", more(line)),
            ("contracts/acme-1/amendments/preview", more(line)),
        ]
    for path, body in wishes:
        assert "1,000,000,000,000 is the most" in refused(cloud, path, body).text, path


def test_what_comes_to_more_than_the_books_hold_is_refused_when_it_is_agreed(cloud: Cloud) -> None:
    many = [ONE] * 101
    asked = {"project": "acme-work", "commitments": [NODES, *many]}
    said = refused(cloud, "contracts", asked).text
    assert "100,000,000,000,000 is the most of one contract" in said
    for path in ("amendments", "amendments/preview"):
        assert "in all" in refused(cloud, f"contracts/acme-1/{path}", more(*many)).text
    forever = {**WISH, "end": "2056-11-01T00:00:00Z", "monthly": MOST}
    for path in ("quotes", "quotes/answer", "contracts"):
        assert "in all" in refused(cloud, path, forever).text
    dear = [{"nodes": 101, "expected": "2027-02-01T00:00:00Z"}]
    refused(cloud, "purchase-orders", {**ORDER, "id": "po-2", "price": MOST, "batches": dear})


def test_the_most_that_may_be_agreed_can_be_invoiced(cloud_on_postgres: Cloud) -> None:
    line = {**ONE, "start": "2026-11-03T00:00:00Z", "end": "2026-11-04T00:00:00Z"}
    asked = {"id": "acme-9", "project": "acme-work", "commitments": [NODES, *[line] * 99]}
    assert cloud_on_postgres.admin.post("/v1/contracts", asked).status == 201
    cloud_on_postgres.later(days=40)
    closed = cloud_on_postgres.admin.post("/v1/invoices/close", {"month": "2026-11"})
    assert closed.status < 300, closed.text


@pytest.mark.parametrize("path", ["amendments", "amendments/preview"])
def test_an_extension_at_less_than_nothing_or_without_end_is_refused(
    cloud: Cloud, path: str
) -> None:
    longer = {"kind": "extend", "commitment": 1, "until": "2028-12-01T00:00:00Z"}
    path = f"contracts/acme-1/{path}"
    less = refused(cloud, path, {**longer, "amount": {"amount": "-1.00", "currency": "CNY"}})
    assert less.json["field"] == "amount"
    far = refused(cloud, path, {**longer, "until": FAR})
    assert far.json["field"] == "until"
    assert "2056-11-24 08:00 UTC is the latest" in far.text


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_day_beyond_thirty_years_is_refused_the_same_in_a_dry_run(
    cloud: Cloud, dry_run: bool
) -> None:
    dry = {"dry_run": dry_run}
    for path, body, field in (
        ("nodes/node-1/drain", {"note": "x", "start": FAR}, "from"),
        ("nodes/node-1/drain", {"note": "x", "until": FAR}, "until"),
        ("nodes/node-1/move", {"to": "retired", "expected": FAR}, "expected"),
        ("purchase-orders/po-1/batches/1/slip", {"to": FAR}, "to"),
        (
            "capacity/clear",
            {"sku": "h100.node", "nodes": 1, "from": WISH["start"], "until": FAR},
            "until",
        ),
    ):
        answer = refused(cloud, path, {**body, **dry})
        assert answer.json["field"] == field, answer.text
        assert "2056-11-24 08:00 UTC is the latest" in answer.text


def test_what_begins_or_comes_beyond_thirty_years_is_refused(cloud: Cloud) -> None:
    far = {**ONE, "start": "9999-12-30T00:00:00Z", "end": FAR}
    refused(cloud, "contracts/acme-1/amendments", more(far))
    refused(cloud, "contracts", {"project": "acme-work", "commitments": [NODES, far]})
    late = [{"nodes": 4, "expected": FAR}]
    refused(cloud, "purchase-orders", {**ORDER, "id": "po-2", "batches": late})
