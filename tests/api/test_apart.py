"""Customers are apart: what belongs to another is, to you, not there."""

import json

from tests.api.conftest import Cloud
from tests.api.serve import Answer


def shape(answer: Answer, id: str) -> dict[str, object]:
    """A problem without what differs from call to call."""
    body = json.loads(answer.text.replace(id, "ID"))
    del body["request_id"]
    return {"status": answer.status, **body}


def money_of_acme(either: Cloud) -> list[tuple[str, str, str, str]]:
    """Calls for what there is of acme's money: method, path, its id, and one that nobody has."""
    one = {"amount": "1.00", "currency": "CNY"}
    lines = [{"description": "by hand", "amount": one}]
    written = {"customer": "acme", "reason": "agreed", "lines": lines}
    draft = either.admin.post("/v1/drafts", written).json["id"]
    budget = either.admin.post("/v1/budgets", {"customer": "acme", "amount": one}).json["id"]
    either.admin.post("/v1/wallets", {"customer": "acme", "low": one})
    came = {"customer": "acme", "amount": one, "reference": "wire", "keep_rest": True}
    payment = either.admin.post("/v1/payments", came).json["id"]
    return [
        ("GET", "/v1/payments?customer=ID", "acme", "nobody"),
        ("GET", "/v1/payments/ID", payment, "pay_0"),
        ("GET", "/v1/drafts?customer=ID", "acme", "nobody"),
        ("GET", "/v1/drafts/ID", draft, "drf_0"),
        ("POST", "/v1/drafts/ID/approve", draft, "drf_0"),
        ("GET", "/v1/receivables?customer=ID", "acme", "nobody"),
        ("GET", "/v1/receivables/ageing?customer=ID", "acme", "nobody"),
        ("GET", "/v1/customers/ID/billing-terms", "acme", "nobody"),
        ("GET", "/v1/customers/ID/credit", "acme", "nobody"),
        ("GET", "/v1/wallets/ID", "acme", "nobody"),
        ("GET", "/v1/wallets/ID/movements", "acme", "nobody"),
        ("GET", "/v1/wallets?customer=ID", "acme", "nobody"),
        ("GET", "/v1/budgets?customer=ID", "acme", "nobody"),
        ("GET", "/v1/budgets/ID", budget, "nobody"),
        ("DELETE", "/v1/budgets/ID", budget, "nobody"),
    ]


def test_what_belongs_to_another_is_answered_as_what_does_not_exist(either: Cloud) -> None:
    lease = either.lease()
    token = either.acme.post("/v1/tokens", {"name": "mine"}).json["id"]
    calls = [
        *money_of_acme(either),
        ("GET", "/v1/leases/ID", lease, "lse_0"),
        ("GET", "/v1/leases/ID/logs", lease, "lse_0"),
        ("POST", "/v1/leases/ID/stop", lease, "lse_0"),
        ("POST", "/v1/leases/ID/start", lease, "lse_0"),
        ("POST", "/v1/leases/ID/end", lease, "lse_0"),
        ("GET", "/v1/customers/ID", "acme", "nobody"),
        ("GET", "/v1/projects/ID", "acme-work", "nobody-work"),
        ("GET", "/v1/projects/ID/keys", "acme-work", "nobody-work"),
        ("GET", "/v1/leases?customer=ID", "acme", "nobody"),
        ("GET", "/v1/invoices?customer=ID", "acme", "nobody"),
        ("GET", "/v1/invoices/preview?month=2026-11&customer=ID", "acme", "nobody"),
        ("GET", "/v1/contracts?customer=ID", "acme", "nobody"),
        ("GET", "/v1/audit?customer=ID", "acme", "nobody"),
        ("GET", "/v1/members?customer=ID", "acme", "nobody"),
        ("DELETE", "/v1/tokens/ID", token, "tok_0"),
        ("DELETE", "/v1/members/ID", "owner@acme.example:owner:acme", "x@acme.example:owner:acme"),
    ]
    before = either.rows()
    for method, path, foreign, unknown in calls:
        seen = either.bolt(method, path.replace("ID", foreign))
        really = either.bolt(method, path.replace("ID", unknown))
        assert shape(seen, foreign) == shape(really, unknown), path
        assert seen.status == 404, f"{path}: {seen.text}"
    wish = {"sku": "h100.1", "project": "acme-work"}
    seen, really = (
        either.bolt.post("/v1/leases", {**wish, "project": id}) for id in ("acme-work", "no-work")
    )
    assert shape(seen, "acme-work") == shape(really, "no-work")
    assert either.rows() == before


def test_a_customer_sees_only_its_own_in_every_list(either: Cloud) -> None:
    either.lease()
    assert either.bolt.get("/v1/leases").json["items"] == []
    assert [row["id"] for row in either.bolt.get("/v1/customers").json["items"]] == ["bolt"]
    assert [row["id"] for row in either.bolt.get("/v1/projects").json["items"]] == ["bolt-work"]
    assert {row["principal"] for row in either.bolt.get("/v1/tokens").json["items"]} == {
        "owner@bolt.example"
    }
    for answer in (
        either.bolt.get("/v1/nodes"),
        either.bolt.get("/v1/ledger/balances"),
        either.bolt.post("/v1/invoices/close", {"month": "2026-10"}),
    ):
        assert (answer.status, answer.json["reason"]) == (403, "not_allowed")
