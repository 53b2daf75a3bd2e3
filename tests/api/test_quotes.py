"""Quotes over HTTP: once, audited, apart, and refused with what programs need."""

from typing import Any

import pytest

from rackrate.app import identity
from rackrate.core.access import Role
from rackrate.core.ids import PrincipalId
from tests.api.conftest import Cloud
from tests.api.serve import Client
from tests.api.test_apart import shape

WISH: dict[str, Any] = {
    "project": "acme-work",
    "sku": "h100.node",
    "nodes": 3,
    "start": "2027-02-28T16:00:00Z",
    "months": 12,
    "monthly": {"amount": "180000.00", "currency": "CNY"},
}
PRICES = """
kind: contract_price
sku: h100.node
currency: CNY
tax_included: false
basis: per node and calendar month, before VAT
floor_percent: 5
effective: 2026-01-01
time_zone: Asia/Shanghai
tiers:
- {months: 12, nodes: 1, amount: 60000.00}
- {months: 12, nodes: 4, amount: 58000.00}
"""


@pytest.fixture
def priced(either: Cloud) -> Cloud:
    files = {"files": [{"name": "prices.yaml", "text": PRICES}]}
    assert either.admin.post("/v1/apply", files).status == 200
    return either


def listed(**other: Any) -> dict[str, Any]:
    return {**{k: v for k, v in WISH.items() if k != "monthly"}, **other}


def test_an_answer_says_everything_and_holds_nothing(priced: Cloud) -> None:
    before = priced.rows()
    answer = priced.admin.post("/v1/quotes/answer", listed(prepayment_percent="20"))
    assert answer.status == 200
    body = answer.json
    assert (body["fits"], body["tier"]["months"], body["tier"]["nodes"]) == (True, 12, 1)
    assert body["basis"] == "per node and calendar month, before VAT"
    assert body["monthly"] == {"amount": "180000.00", "currency": "CNY"}
    assert body["value"] == {"amount": "2160000.00", "currency": "CNY"}
    assert body["prepayment"] == {"amount": "432000.00", "currency": "CNY"}
    assert body["instalments"] == [{"count": 12, "due": {"amount": "144000.00", "currency": "CNY"}}]
    held = [(one["line"], one["pool"], one["nodes"]) for one in body["pools"]]
    assert held == [(1, "block/h100x8", 3)]
    assert priced.rows() == before


def test_the_same_key_makes_one_quote_and_one_hold(priced: Cloud) -> None:
    first = priced.admin.post("/v1/quotes", listed(), **{"Idempotency-Key": "k1"})
    assert (first.status, first.json["state"]) == (201, "open")
    before = priced.rows()
    again = priced.admin.post("/v1/quotes", listed(), **{"Idempotency-Key": "k1"})
    assert again.json == first.json
    assert priced.rows() == before


def test_a_refusal_has_the_numbers_for_programs_and_is_written_down(priced: Cloud) -> None:
    answer = priced.admin.post("/v1/quotes", listed(nodes=9))
    assert (answer.status, answer.json["reason"]) == (409, "no_capacity")
    assert answer.json["nodes"] == 4
    (fewer,) = answer.json["alternatives"]
    assert (fewer["way"], fewer["nodes"]) == ("fewer", 4)
    assert fewer["monthly"] == {"amount": "232000.00", "currency": "CNY"}
    audit = priced.admin.get("/v1/audit?limit=500").json["items"]
    assert [(one["verb"], one["outcome"]) for one in audit if one["verb"] == "quote.write"] == [
        ("quote.write", "no_capacity")
    ]


def test_a_quote_of_another_is_as_one_that_is_not_there(priced: Cloud) -> None:
    mine = priced.admin.post("/v1/quotes", listed()).json["id"]
    for path in ("/v1/quotes/ID", "/v1/quotes?customer=ID"):
        foreign, unknown = (mine, "quo_0") if "?" not in path else ("acme", "nobody")
        seen = priced.bolt.get(path.replace("ID", foreign))
        really = priced.bolt.get(path.replace("ID", unknown))
        assert (seen.status, shape(seen, foreign)) == (404, shape(really, unknown))
    for act, body in (
        ("sign", {}),
        ("extend", {"until": "2026-12-01T00:00:00Z"}),
        ("approve", None),
    ):
        seen = priced.bolt.post(f"/v1/quotes/{mine}/{act}", body)
        really = priced.bolt.post(f"/v1/quotes/quo_0/{act}", body)
        assert (seen.status, shape(seen, mine)) == (404, shape(really, "quo_0"))
    for asked in ({"project": "acme-work"}, {"project": None, "customer": "acme"}):
        assert priced.bolt.post("/v1/quotes", listed(**asked)).status == 404
    assert priced.bolt.get("/v1/quotes").json["items"] == []
    assert [row["id"] for row in priced.acme.get("/v1/quotes").json["items"]] == [mine]
    assert priced.acme.post("/v1/quotes", listed()).status == 403


def test_the_customer_signs_and_then_it_is_a_contract_of_its_own(priced: Cloud) -> None:
    mine = priced.admin.post("/v1/quotes", listed()).json["id"]
    signed = priced.acme.post(f"/v1/quotes/{mine}/sign", {"contract": "acme-27"})
    assert (signed.status, signed.json["state"], signed.json["contract"]) == (
        200,
        "signed",
        "acme-27",
    )
    assert priced.acme.get("/v1/contracts/acme-27").status == 200
    again = priced.acme.post(f"/v1/quotes/{mine}/sign", {})
    assert (again.status, again.json["reason"]) == (409, "wrong_state")
    withdrawn = priced.admin.post(f"/v1/quotes/{mine}/withdraw")
    assert (withdrawn.status, withdrawn.json["reason"]) == (409, "wrong_state")


def test_contract_prices_are_in_the_catalogue_for_everybody(priced: Cloud) -> None:
    (price,) = priced.acme.get("/v1/contract-prices").json["items"]
    assert (price["sku"], price["floor_percent"], len(price["tiers"])) == ("h100.node", None, 2)
    (price,) = priced.admin.get("/v1/contract-prices").json["items"]
    assert price["floor_percent"] == "5"
    assert priced.acme.get("/v1/contract-prices?at=2020-01-01T00:00:00Z").json["items"] == []


def test_a_salesperson_cannot_go_around_the_floor_by_signing_without_a_quote(
    priced: Cloud,
) -> None:
    seller = as_sales(priced)
    contract = {
        "id": "cheap",
        "project": "acme-work",
        "sku": "h100.node",
        "nodes": 1,
        "start": "2027-02-28T16:00:00Z",
        "end": "2028-02-29T16:00:00Z",
        "monthly": {"amount": "1.00", "currency": "CNY"},
    }
    no = seller.post("/v1/contracts", contract)
    assert (no.status, no.json["reason"]) == (409, "not_approved")
    assert no.json["lowest"] == {"amount": "57000.00", "currency": "CNY"}
    contract["monthly"] = no.json["lowest"]
    assert seller.post("/v1/contracts", contract).status == 201
    cheap = {**{k: contract[k] for k in ("sku", "nodes", "start", "end")}}
    cheap["amount"] = {"amount": "0.01", "currency": "CNY"}
    more = {"kind": "more", "commitments": [cheap]}
    no = seller.post("/v1/contracts/cheap/amendments", more)
    assert (no.status, no.json["reason"]) == (409, "not_approved")


def test_a_quote_takes_and_shows_the_contract_s_terms(priced: Cloud) -> None:
    terms = {"acceptance": "customer", "may_shrink_percent": "25", "jurisdiction": ["CN"]}
    made = priced.admin.post("/v1/quotes", listed(nodes=1, terms=terms))
    assert made.status == 201
    for name, agreed in terms.items():
        assert made.json["terms"][name] == agreed
    signed = priced.admin.post(f"/v1/quotes/{made.json['id']}/sign", {"contract": "agreed"})
    contract = priced.admin.get("/v1/contracts/agreed").json
    assert contract["terms"] == signed.json["terms"] == made.json["terms"]
    abroad = priced.admin.post("/v1/quotes", listed(nodes=1, terms={"jurisdiction": ["SG"]}))
    assert (abroad.status, abroad.json["reason"]) == (409, "not_eligible")


LINES: list[dict[str, Any]] = [
    {"sku": "h100.node", "nodes": 2, "start": "2027-05-31T16:00:00Z"},
    {
        "kind": "one_off",
        "title": "Set-up",
        "amount": {"amount": "5000.00", "currency": "CNY"},
    },
    {
        "kind": "service",
        "title": "Support",
        "amount": {"amount": "100.00", "currency": "CNY"},
    },
]


def test_lines_beside_are_answered_held_and_signed_with_the_first(priced: Cloud) -> None:
    asked = listed(nodes=1, months=24, lines=LINES)
    answer = priced.admin.post("/v1/quotes/answer", asked).json
    assert (answer["fits"], answer["short"], answer["nodes"]) == (True, None, 3)
    assert [line["what"] for line in answer["lines"]] == [
        "1 x h100.node", "2 x h100.node", "Set-up", "Support",
    ]  # fmt: skip
    assert [line["months"] for line in answer["lines"]] == [24, 21, 0, 24]
    # 24 x 60,000 + 21 x 120,000 + 5,000 + 24 x 100.
    assert answer["value"] == {"amount": "3967400.00", "currency": "CNY"}
    assert answer["monthly"] == {"amount": "180100.00", "currency": "CNY"}
    made = priced.admin.post("/v1/quotes", asked)
    assert (made.status, sorted(held["line"] for held in made.json["pools"])) == (201, [1, 2])
    signed = priced.acme.post(f"/v1/quotes/{made.json['id']}/sign", {"contract": "ramp"})
    assert signed.status == 200
    contract = priced.acme.get("/v1/contracts/ramp").json
    assert [each["what"] for each in contract["commitments"]] == [
        line["what"] for line in made.json["lines"]
    ]
    # In place of the plain form, the same lines are the same quote.
    alone = {k: v for k, v in asked.items() if k not in ("sku", "nodes")}
    alone["lines"] = [{"sku": "h100.node", "nodes": 1}, *LINES]
    again = priced.admin.post("/v1/quotes/answer", alone).json
    assert (again["value"], again["fits"], again["short"]) == (answer["value"], False, 2)


def test_a_line_that_is_short_is_named_for_programs(priced: Cloud) -> None:
    asked = listed(nodes=1, months=24, lines=[{**LINES[0], "nodes": 9}])
    answer = priced.admin.post("/v1/quotes", asked)
    assert (answer.status, answer.json["reason"], answer.json["line"]) == (409, "no_capacity", 2)
    (fewer,) = answer.json["alternatives"]
    assert [(line["number"], line["nodes"]) for line in fewer["lines"]] == [(1, 1), (2, 3)]
    assert priced.admin.get("/v1/quotes").json["items"] == []


WRONG: tuple[list[dict[str, Any]], ...] = (
    [{"sku": "h100.node", "nodes": 0}],
    [{"sku": "h100.node", "nodes": -1}],
    [{"nodes": 1}],
    [{"sku": "h100.node", "nodes": 1, "months": 1, "end": "2028-01-01T00:00:00Z"}],
    [{"kind": "service", "title": "Support"}],
    [{"kind": "service", "title": "", "amount": {"amount": "1.00", "currency": "CNY"}}],
    [{"kind": "one_off", "title": "x", "nodes": 1, "sku": "h100.node"}],
    [{"sku": "h100.node", "nodes": 1}] * 51,
)


def test_a_line_that_cannot_be_meant_is_unprocessable(priced: Cloud) -> None:
    for lines in WRONG:
        answer = priced.admin.post("/v1/quotes", listed(nodes=1, lines=lines))
        assert (answer.status, answer.json["reason"]) == (422, "invalid"), lines
    assert priced.admin.get("/v1/quotes").json["items"] == []


def as_sales(cloud: Cloud) -> Client:
    """Somebody with the role `sales` and no other."""
    who, operator = "sales@example.example", identity.administrator(cloud.world)
    identity.grant(cloud.world, operator, who, Role.SALES, None, None)
    token = identity.create_token(cloud.world, operator, "test", None, PrincipalId(who))
    return Client(cloud.port, token.secret)
