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

USUAL = {
    "every": "month", "when": "advance", "prepaid": "evenly", "broken": "second",
    "left": "refund", "tell_percent": "20",
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
    assert signed["terms"]["payment"] == USUAL
    assert [(each["nodes"], each["days_late"]) for each in signed["deliveries"]] == [(1, 0)]
    assert ok(cloud.acme.get("/v1/contracts/ramp")) == signed
    assert cloud.bolt.get("/v1/contracts/ramp").status == 404


def test_a_quarter_in_arrears_is_signed_and_its_plan_says_when_it_is_invoiced(cloud: Cloud) -> None:
    payment = {"every": "quarter", "when": "arrears", "prepaid": "last"}
    plain = {name: value for name, value in SIGNED.items() if name != "terms"}
    signed = ok(cloud.admin.post("/v1/contracts", {**plain, "terms": {"payment": payment}}), 201)
    assert signed["terms"]["payment"] == {**USUAL, **payment}
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


def priced(**price: Any) -> dict[str, Any]:
    """A year of one node at this price, from the first of December."""
    line = {key: value for key, value in SIGNED["commitments"][0].items() if key != "amount"}
    return {**SIGNED, "commitments": [{**line, **price}], "terms": {}}


def test_a_total_and_a_price_by_the_hour_come_back_as_they_were_agreed(cloud: Cloud) -> None:
    whole = {"amount": "1000000.00", "currency": "CNY"}
    terms = {
        "payment": {"broken": "thirty"},
        "indexation": {"percent": "3", "cap_percent": "9"},
        "steps": [{"month": 1, "percent": "50"}, {"month": 4, "percent": "100"}],
    }
    refused(
        cloud.admin.post("/v1/contracts", {**priced(total=whole), "terms": terms}), 422, "invalid"
    )
    signed = ok(cloud.admin.post("/v1/contracts", {**priced(total=whole), "id": "t"}), 201)
    assert signed["value"] == signed["commitments"][0]["total"] == whole
    rate = {"amount": "98.765432109", "currency": "CNY"}
    body = {**priced(hourly=rate), "id": "h", "terms": terms}
    again = ok(cloud.admin.post("/v1/contracts", body), 201)
    assert again["commitments"][0]["hourly"] == rate
    assert again["terms"]["indexation"] == {
        "percent": "3", "every_months": 12, "cap_year_percent": None, "cap_percent": "9",
    }  # fmt: skip
    assert again["terms"]["steps"] == terms["steps"]
    values = [each["value"]["amount"] for each in again["instalments"]]
    assert values[:4] == ["36740.74", "36740.74", "33185.19", "73481.48"]


@pytest.mark.parametrize(
    "wrong",
    [
        priced(),
        priced(total={"amount": "-1.00", "currency": "CNY"}),
        priced(hourly={"amount": "1.0000000001", "currency": "CNY"}),
        priced(amount=SIGNED["commitments"][0]["amount"], total=SIGNED["commitments"][0]["amount"]),
        {
            **SIGNED,
            "terms": {"steps": [{"month": 2, "percent": "1"}, {"month": 2, "percent": "2"}]},
        },
        {**SIGNED, "terms": {"steps": [{"month": 361, "percent": "1"}]}},
        {**SIGNED, "terms": {"indexation": {"percent": "-100"}}},
        {
            **priced(amount=SIGNED["commitments"][0]["amount"], end="2056-11-30T16:00:00Z"),
            "terms": {"indexation": {"percent": "99.999999", "every_months": 1}},
        },
        {**SIGNED, "terms": {"payment": {"broken": "week"}}},
    ],
)
def test_terms_that_cannot_be_meant_are_refused(cloud: Cloud, wrong: Any) -> None:
    refused(cloud.admin.post("/v1/contracts", wrong), 422, "invalid")


def test_a_contract_over_use_is_signed_shown_and_used(cloud: Cloud) -> None:
    rates = {"rates": [{"sku": "h100.node", "amount": "9.5"}]}
    line: dict[str, Any] = {
        "kind": "use", "amount": {"amount": "1200.00", "currency": "CNY"},
        "start": "2026-11-30T16:00:00Z", "end": "2027-11-30T16:00:00Z",
        "use": {"rates": rates, "true_up": "year"},
    }  # fmt: skip
    body = {
        "id": "hours", "project": "acme-work", "commitments": [line], "prepayment_percent": "25",
        "terms": {"payment": {"prepaid": "wallet"}, "overage": {"rates": {"rated": "list"}}},
    }  # fmt: skip
    for changed, where in (
        ({"use": None}, "commitments[0]"),
        ({"use": {"rates": {"rated": "list"}}}, "commitments.0.use"),
        ({"use": {"rates": {"rates": rates["rates"] * 2}}}, "commitments.0.use"),
        ({"kind": "flex", "sku": "h100.node", "nodes": 1, "use": {"rates": {}}}, "commitments.0"),
    ):
        wrong = {**body, "commitments": [line | changed]}
        assert where in refused(cloud.admin.post("/v1/contracts", wrong), 422, "invalid")["detail"]
    plain = {**body, "terms": {}}
    assert "wallet" in refused(cloud.admin.post("/v1/contracts", plain), 422, "invalid")["detail"]
    signed = ok(cloud.admin.post("/v1/contracts", body), 201)
    assert signed["balance"]["left"]["amount"] == "300.00"
    assert (signed["least_use"]["amount"], signed["minimums"]) == ("1200.00", [])
    assert signed["commitments"][0]["use"]["rates"]["rates"][0]["amount"] == "9.5"
    assert ok(cloud.acme.get("/v1/contracts/hours")) == signed


def test_a_schedule_says_what_is_left_after_each_month(cloud: Cloud, signed: Any) -> None:
    items = ok(cloud.acme.get("/v1/contracts/ramp/schedule"))["items"]
    assert len(items) == 12 and items[0]["month"] == "2026-12"
    assert [items[place]["prepaid_left"]["amount"] for place in (0, 11)] == ["143000.00", "0.00"]
    assert items[0]["asked"] == ["2026-12"] and items[11]["backlog"]["amount"] == "0.00"
    assert cloud.bolt.get("/v1/contracts/ramp/schedule").status == 404
