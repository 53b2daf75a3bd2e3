"""Contracts over HTTP: several commitments, amendments, deliveries, and what is refused."""

from typing import Any

import pytest

from tests.api.conftest import Cloud
from tests.api.serve import Answer

SIGNED: dict[str, Any] = {
    "id": "ramp",
    "project": "acme-work",
    "prepayment_percent": "20",
    "commitments": [
        {
            "sku": "h100.node", "nodes": 1, "amount": {"amount": "60000.00", "currency": "CNY"},
            "start": "2026-11-30T16:00:00Z", "end": "2027-11-30T16:00:00Z", "same_block": True,
        },
        {
            "kind": "service", "title": "Support",
            "amount": {"amount": "5000.00", "currency": "CNY"},
            "start": "2026-11-30T16:00:00Z", "end": "2027-11-30T16:00:00Z",
        },
    ],
    "terms": {
        "acceptance": "customer",
        "early_end": {"fee_percent": "30", "notice_days": 90},
        "damages": {"percent_per_day": "0.5"},
        "jurisdiction": ["CN"],
    },
}  # fmt: skip


def ok(answer: Answer, status: int = 200) -> Any:
    assert answer.status == status, answer
    return answer.json


def refused(answer: Answer, status: int, reason: str) -> Any:
    assert (answer.status, answer.json["reason"]) == (status, reason), answer
    return answer.json


@pytest.fixture
def signed(cloud: Cloud) -> Any:
    return ok(cloud.admin.post("/v1/contracts", SIGNED), 201)


def test_a_contract_comes_back_as_it_was_signed(cloud: Cloud, signed: Any) -> None:
    assert [each["what"] for each in signed["commitments"]] == ["1 x h100.node", "Support"]
    assert signed["terms"]["early_end"] == {
        "fee_percent": "30", "notice_days": 90, "not_before": None,
    }  # fmt: skip
    assert signed["terms"]["jurisdiction"] == ["CN"]
    assert signed["terms"]["payment"] == {"every": "month", "when": "advance", "prepaid": "evenly"}
    assert [(each["nodes"], each["days_late"]) for each in signed["deliveries"]] == [(1, 0)]
    assert ok(cloud.acme.get("/v1/contracts/ramp")) == signed
    assert cloud.bolt.get("/v1/contracts/ramp").status == 404


def test_a_quarter_in_arrears_is_signed_and_its_plan_says_when_it_is_invoiced(cloud: Cloud) -> None:
    payment = {"every": "quarter", "when": "arrears", "prepaid": "last"}
    plain = {name: value for name, value in SIGNED.items() if name != "terms"}
    signed = ok(cloud.admin.post("/v1/contracts", {**plain, "terms": {"payment": payment}}), 201)
    assert signed["terms"]["payment"] == payment
    support = [each for each in signed["instalments"] if each["commitment"] == 2]
    asked = [(each["month"], each["invoiced"]) for each in support[:4]]
    assert asked == [
        ("2026-12", "2027-03"), ("2027-01", "2027-03"), ("2027-02", "2027-03"),
        ("2027-03", "2027-06"),
    ]  # fmt: skip
    wrong = {**plain, "terms": {"payment": {"every": "year"}}}
    assert cloud.admin.post("/v1/contracts", wrong).status == 422


def test_an_amendment_answers_the_contract_as_it_is_then(cloud: Cloud, signed: Any) -> None:
    more = {"kind": "more", "commitments": [{**SIGNED["commitments"][0], "nodes": 2}]}
    after = ok(cloud.admin.post("/v1/contracts/ramp/amendments", more), 201)
    assert (after["peak"], after["amendments"][0]["kind"]) == (3, "more")
    assert after["amendments"][0]["prepayment"]["amount"] == "144000.00"
    short = cloud.admin.post("/v1/contracts/ramp/amendments", more)
    assert refused(short, 409, "no_capacity")["nodes"] == 1
    early = {"kind": "end", "at": "2026-12-15T00:00:00Z"}
    told = refused(cloud.admin.post("/v1/contracts/ramp/amendments", early), 409, "not_agreed")
    assert "earliest" in told
    refused(cloud.acme.post("/v1/contracts/ramp/amendments", more), 403, "not_allowed")
    refused(cloud.bolt.post("/v1/contracts/ramp/amendments", more), 404, "missing")


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "unknown"},
        {"kind": "more", "commitments": []},
        {"kind": "fewer", "commitment": 0, "nodes": 1, "at": "2027-01-01T00:00:00Z"},
        {"kind": "fewer", "commitment": 1, "nodes": 0, "at": "2027-01-01T00:00:00Z"},
        {"kind": "extend", "commitment": 1},
        {"kind": "end", "at": "soon"},
        {"kind": "renew", "surprise": True},
    ],
)
def test_an_amendment_that_cannot_be_read_is_refused(
    cloud: Cloud, signed: Any, body: dict[str, Any]
) -> None:
    before = cloud.rows()
    refused(cloud.admin.post("/v1/contracts/ramp/amendments", body), 422, "invalid")
    assert cloud.rows() == before


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({"commitments": []}, "are needed, or commitments"),
        ({"sku": "h100.node"}, "give commitments, or sku"),
        ({"commitments": [{**SIGNED["commitments"][0], "sku": None}]}, "`nodes` of a `sku`"),
        ({"commitments": [{**SIGNED["commitments"][1], "title": ""}]}, "needs a title"),
        ({"commitments": [{**SIGNED["commitments"][1], "nodes": 2}]}, "has no sku"),
        ({"terms": {"jurisdiction": ["China"]}}, "jurisdiction"),
        ({"terms": {"may_shrink_percent": "101"}}, "may_shrink_percent"),
        (
            {
                "commitments": [
                    {
                        **SIGNED["commitments"][0],
                        "deliveries": [{"nodes": 2, "due": "2026-12-01T00:00:00Z"}],
                    }
                ]
            },
            "batches of 2 nodes for a commitment of 1",
        ),
    ],
)
def test_a_contract_that_cannot_be_meant_changes_nothing(
    cloud: Cloud, part: dict[str, Any], said: str
) -> None:
    before = cloud.rows()
    told = refused(cloud.admin.post("/v1/contracts", {**SIGNED, **part}), 422, "invalid")
    assert said in str(told)
    assert cloud.rows() == before


def test_a_batch_is_handed_over_and_accepted_by_its_customer(cloud: Cloud, signed: Any) -> None:
    place = "/v1/contracts/ramp/deliveries/1/1"
    refused(cloud.acme.post(f"{place}/accept"), 409, "too_early")
    refused(cloud.acme.post(f"{place}/deliver", {}), 403, "not_allowed")
    done = ok(cloud.admin.post(f"{place}/deliver", {}))
    assert len(done["names"]) == 1 and done["accepted"] is None
    refused(cloud.bolt.post(f"{place}/accept"), 404, "missing")
    assert ok(cloud.acme.post(f"{place}/accept"))["by"] != ""
    refused(cloud.admin.post(f"{place}/deliver", {}), 409, "wrong_state")
    refused(cloud.admin.post("/v1/contracts/ramp/deliveries/1/9/deliver", {}), 404, "missing")
