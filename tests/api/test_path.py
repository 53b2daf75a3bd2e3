"""The whole path over HTTP, on PostgreSQL: from a file to balanced books."""

import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.api.conftest import Cloud
from tests.api.serve import Answer

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKX0OVMuyf6oP3gSqIYzvx/Rq5G8vqCUbJvvkZUHN1sO sample"


def ok(answer: Answer, status: int = 200) -> Any:
    assert answer.status == status, answer.text
    return answer.json


def test_from_a_file_to_balanced_books(cloud_on_postgres: Cloud, tmp_path: Path) -> None:
    cloud = cloud_on_postgres
    grow_the_fleet(cloud)
    sign_a_buyer(cloud)
    lease = run_a_lease(cloud)
    sign_a_contract(cloud)
    invoice = close_and_pay(cloud, lease)
    check_the_books(cloud, tmp_path)
    rows = ok(cloud.admin.get("/v1/audit?verb=invoice.write"))["items"]
    outcomes = [row["outcome"] for row in reversed(rows)]
    assert outcomes == ["not_closed_yet", "done", "done", "done", "done"]
    assert ok(cloud.acme.get(f"/v1/invoices/{invoice}"))["status"] == "paid"


def grow_the_fleet(cloud: Cloud) -> None:
    text = (
        "{kind: node, name: extra-1, site: site, block: block, chip: h100, gpus: 8, "
        "cpus: 64, memory_gib: 512, disk_gib: 1000}"
    )
    body = {"files": [{"name": "extra.yaml", "text": text}], "dry_run": True}
    shown = ok(cloud.admin.post("/v1/apply", body))
    assert [(c["action"], c["id"]) for c in shown["changes"]] == [("create", "extra-1")]
    assert cloud.admin.get("/v1/nodes/extra-1").status == 404
    ok(cloud.admin.post("/v1/apply", {**body, "dry_run": False}))
    assert ok(cloud.admin.get("/v1/nodes/extra-1"))["slots_free"] == 8
    drained = ok(cloud.admin.post("/v1/nodes/extra-1/drain", {"note": "fan"}))
    assert drained["node"]["state"] == "draining" and drained["running"] == []
    assert ok(cloud.admin.get("/v1/nodes?state=draining"))["items"][0]["id"] == "extra-1"
    ok(cloud.admin.post("/v1/nodes/extra-1/return", {}))
    units = {row["id"]: row["stock"]["units"] for row in ok(cloud.admin.get("/v1/skus"))["items"]}
    assert units == {"h100.1": 40, "h100.node": 5}
    seen = ok(cloud.admin.get("/v1/sites/site/map"))
    assert seen["counts"]["free"] == 40 == sum(len(node["slots"]) for node in seen["nodes"])


def sign_a_buyer(cloud: Cloud) -> None:
    body = {"id": "cove", "name": "Example Cove (sample)", "country": "CN"}
    assert ok(cloud.admin.post("/v1/customers", body), 201)["currency"] == "CNY"
    ok(cloud.admin.post("/v1/projects", {"id": "p", "customer": "cove", "name": "P"}), 201)
    key = ok(cloud.acme.post("/v1/projects/acme-work/keys", {"public_key": KEY}), 201)
    assert ok(cloud.acme.get("/v1/projects/acme-work/keys"))["items"] == [key]
    ok(cloud.acme("DELETE", f"/v1/keys/{key['id']}"))
    member = {"email": "kim@acme.example", "role": "accountant", "customer": "acme"}
    granted = ok(cloud.acme.post("/v1/members", member), 201)
    assert granted in ok(cloud.acme.get("/v1/members?customer=acme"))["items"]
    assert cloud.acme("DELETE", f"/v1/members/{granted['id']}").status == 204
    who = ok(cloud.acme.get("/v1/whoami"))
    assert (who["operator"], who["customers"]) == (False, ["acme"])


def run_a_lease(cloud: Cloud) -> str:
    lease = cloud.lease(count=2, name="run", env={"SECRET": "x"}, command=["sleep", "9"])
    cloud.provision()
    cloud.later(seconds=10)
    cloud.provision()
    seen = ok(cloud.acme.get(f"/v1/leases/{lease}"))
    assert (seen["phase"], seen["isolation"]) == ("running", "simulated")
    assert seen["ssh"] == f"ssh -p 2222 {lease}@127.0.0.1"
    assert [event["kind"] for event in seen["history"]] == ["requested", "starting", "running"]
    assert seen["env"] == ["SECRET"] and seen["found"][0]["phase"] == "ready"
    printed = cloud.acme.get(f"/v1/leases/{lease}/logs?limit=9")
    assert (printed.text, printed.headers["next-offset"]) == ("This site", "9")
    rest = cloud.acme.get(f"/v1/leases/{lease}/logs?after=9&limit=13")
    assert (rest.text, rest.headers["next-offset"]) == (" is simulated", "22")
    cloud.later(hours=1)
    assert ok(cloud.acme.post(f"/v1/leases/{lease}/stop"))["billed_since"] is None
    cloud.provision()
    cloud.later(minutes=1)
    cloud.provision()
    assert ok(cloud.acme.post(f"/v1/leases/{lease}/start"))["phase"] == "queued"
    cloud.provision()
    cloud.provision()
    cloud.later(hours=1)
    assert ok(cloud.acme.post(f"/v1/leases/{lease}/end"))["wanted"] == "ended"
    cloud.provision()
    refused = cloud.acme.post(f"/v1/leases/{lease}/stop")
    assert (refused.status, refused.json["reason"]) == (409, "wrong_state")
    return lease


def sign_a_contract(cloud: Cloud) -> None:
    body = {
        "id": "acme-2026", "project": "acme-work", "sku": "h100.node", "nodes": 2,
        "start": "2026-11-30T16:00:00Z", "end": "2027-11-30T16:00:00Z",
        "monthly": {"amount": "120000.00", "currency": "CNY"}, "prepayment_percent": "20",
    }  # fmt: skip
    signed = ok(cloud.admin.post("/v1/contracts", body), 201)
    assert signed["value"] == {"amount": "1440000.00", "currency": "CNY"}
    assert signed["prepayment"]["amount"] == "288000.00" and len(signed["instalments"]) == 12
    assert ok(cloud.acme.get("/v1/contracts/acme-2026")) == signed
    short = cloud.admin.post("/v1/contracts", {**body, "id": "more", "nodes": 4})
    assert (short.status, short.json["reason"], short.json["nodes"]) == (409, "no_capacity", 3)


def close_and_pay(cloud: Cloud, lease: str) -> str:
    month = {"month": "2026-11"}
    early = cloud.admin.post("/v1/invoices/close", month)
    assert (early.status, early.json["reason"]) == (409, "not_closed_yet")
    preview = ok(cloud.acme.get("/v1/invoices/preview?customer=acme&month=2026-11"))
    usage = [line for line in preview["lines"] if line["kind"] == "usage"]
    assert [line["lease"] for line in usage] == [lease]
    cloud.clock.to(datetime(2026, 12, 2, tzinfo=UTC))
    closed = ok(cloud.admin.post("/v1/invoices/close", month))
    assert ok(cloud.admin.post("/v1/invoices/close", month)) == closed
    (invoice,) = closed["invoices"]
    lines = ok(cloud.acme.get(f"/v1/invoices/{invoice['id']}"))["lines"]
    # Two GPUs at 17.00, for an hour and ten seconds, and for an hour.
    assert {line["net"]["amount"] for line in lines} == {"68.09", "96000.00"}
    pay = {"amount": invoice["open"], "reference": "BANK-1"}
    paid = ok(cloud.admin.post(f"/v1/invoices/{invoice['id']}/payments", pay), 201)
    assert paid["invoice"]["open"]["amount"] == "0.00"
    again = ok(cloud.admin.post(f"/v1/invoices/{invoice['id']}/payments", pay), 201)
    assert again == paid
    return str(invoice["id"])


def check_the_books(cloud: Cloud, tmp_path: Path) -> None:
    balances = ok(cloud.admin.get("/v1/ledger/balances?entity=example"))["items"]
    assert balances and sum(Decimal(row["amount"]["amount"]) for row in balances) == 0
    for entry in ok(cloud.admin.get("/v1/ledger/entries"))["items"]:
        assert sum(Decimal(p["amount"]["amount"]) for p in entry["postings"]) == 0
    book = tmp_path / "books.beancount"
    book.write_text(cloud.admin.get("/v1/ledger/export?format=beancount").text)
    checked = subprocess.run(
        [str(Path(sys.executable).parent / "bean-check"), str(book)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (checked.returncode, checked.stderr) == (0, "")
